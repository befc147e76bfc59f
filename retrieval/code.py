"""Where source code may be cut: before definitions, then at blank lines, then between statements. No grammar is needed:
indentation and blank lines are what authors of every language divide their code with.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from retrieval.atoms import AFTER_A_HEADING, HEADING, PARAGRAPH, SENTENCE, Place

_KINDS: Final = """
text/javascript application/typescript text/css application/sql application/x-sh application/yaml application/toml
application/xml
"""
_OTHERS: Final = frozenset(_KINDS.split())
# A closing bracket or keyword belongs to what it closes, a further branch to the first one.
_CLOSES: Final = re.compile(r"[)\]}]|(?:end|fi|done|esac|else|elif|elsif|except|finally|catch|rescue)\b")
_WORDS_BEFORE: Final = r"(?:(?:[a-z]+|pub\([^)\n]*\))\s+){0,5}"
_DEFINES: Final = re.compile(
    rf"{_WORDS_BEFORE}(?:def|class|fn|fun|func|function|interface|struct|enum|trait|impl|module|namespace|record|object|"
    r"protocol|extension|sub|procedure)\b\s*[\w(<*&:\[]|create\s+(?:or\s+replace\s+)?\w+\s",
    re.I,
)
# Comments, decorators, attributes and annotations say something of the line below them.
_LEADS: Final = re.compile(r"#|//|--|/\*|\*|@|\[|template\b|;;|%")


class _Line(NamedTuple):
    indent: int
    bare: str
    closes: bool
    leads: bool


def is_code(media_type: str) -> bool:
    return media_type in _OTHERS or (media_type.startswith("text/x-") and media_type != "text/x-tex")


def places(text: str) -> Iterator[Place]:
    """Yield each line that is not blank, its indentation with it, and how good it is to cut before it. Linear."""
    before, blank, start = _Line(0, "", False, False), True, 0
    for text_line in text.split("\n"):
        bare = text_line.strip()
        if bare:
            line = _Line(_indent(text_line), bare, bool(_CLOSES.match(bare)), bool(_LEADS.match(bare)))
            yield start, start + len(text_line.rstrip()), _boundary(line, before, blank)
            before = line
        blank = not bare
        start += len(text_line) + 1


def _indent(line: str) -> int:
    head = line[: len(line) - len(line.lstrip())]
    return len(head.expandtabs(4))


def _boundary(line: _Line, before: _Line, blank: bool) -> int:
    """How good it is to cut between two lines; `blank`: there are empty ones between them."""
    if line.indent > before.indent or line.closes:
        return AFTER_A_HEADING
    outward = line.indent < before.indent
    if blank:
        # A step to the left behind an empty line ends a body: what comes is the next member, or what leads to it.
        return HEADING if outward or line.indent == 0 or _DEFINES.match(line.bare) else PARAGRAPH
    if line.leads:
        return HEADING if not before.leads and (outward or before.closes) else SENTENCE
    if _DEFINES.match(line.bare):
        return SENTENCE if before.leads else HEADING
    return PARAGRAPH if line.indent == 0 and (outward or before.closes) else SENTENCE
