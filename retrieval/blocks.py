"""The blocks of a text that no sentence crosses: paragraphs, headings, list items, table rows, code fences.

Plain text is read as Markdown that has no marks. Knows nothing of sentences.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from retrieval.scripts import CJK

Kind = Literal["text", "heading", "item", "row", "code"]


@dataclass(frozen=True, slots=True)
class Block:
    """Code points `start` to `end`, with a non-space character at either end; `opens`: a blank line comes before.

    `body`: where the text begins behind the mark of a heading or list item.
    """

    kind: Kind
    start: int
    body: int
    end: int
    opens: bool


@dataclass(frozen=True, slots=True)
class _Line:
    kind: Literal["text", "blank", "fence", "heading", "item", "row", "rule"]
    start: int
    body: int
    end: int


_LINE: Final = re.compile(
    r"""[^\S\n]*+(?:
      (?P<fence>(?:`{3,}+|~{3,}+))
    | (?P<heading>\#{1,6}+)(?=\s|\Z)
    | (?P<row>\|)
    | (?P<rule>(?:={3,}+|-{3,}+|\*{3,}+|_{3,}+))(?=[^\S\n]*(?:\n|\Z))
    | (?P<item>(?:[-*+•‣▪◦·–]|[(（]?\d{1,3}[.)）])(?=[^\S\n]))
    | (?P<blank>)(?=\n|\Z)
    | (?P<text>)
    )""",
    re.VERBOSE,
)
_FIRST_WORD: Final = re.compile(rf"[{CJK}]|[^\s{CJK}]+")


def blocks(text: str) -> Iterator[Block]:
    """Yield the blocks in order; together they hold every non-space character. Linear."""
    opens = True
    paragraph: list[_Line] = []
    lines = _lines(text)
    for line in lines:
        joins = line.kind == "text" or (line.kind == "rule" and paragraph)
        if not joins and paragraph:
            yield from _paragraph(text, paragraph, opens)
            paragraph, opens = [], False
        if line.kind == "blank":
            opens = True
        elif joins or line.kind == "item":
            paragraph.append(line)
        else:
            yield _single(text, line, lines, opens)
            opens = False
    if paragraph:
        yield from _paragraph(text, paragraph, opens)


def _lines(text: str) -> Iterator[_Line]:
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        match = _LINE.match(text, start, end)
        if match and match.lastgroup:
            yield _Line(match.lastgroup, start, match.end(), end)  # type: ignore[arg-type]
        start = end + 1


def _single(text: str, line: _Line, lines: Iterator[_Line], opens: bool) -> Block:
    """A block of one line, or of all lines up to the closing fence (or the end of the text)."""
    if line.kind == "fence":
        fence, last = text[line.start : line.body].strip(), line
        for last in lines:
            if last.kind == "fence" and text[last.start : last.end].strip().startswith(fence):
                break
        return _block("code", text, line.start, line.start, last.end, opens)
    kind: Kind = "row" if line.kind == "row" else "heading" if line.kind == "heading" else "text"
    return _block(kind, text, line.start, line.body if kind == "heading" else line.start, line.end, opens)


def _paragraph(text: str, lines: list[_Line], opens: bool) -> Iterator[Block]:
    """Cut a paragraph at the line ends its author meant, and keep together what was only wrapped."""
    width = max(line.end - line.start for line in lines)
    first = lines[0]
    kind: Kind = "item" if first.kind == "item" else "text"
    body = first.body if first.kind == "item" else first.start
    start, last = first.start, first
    for line in lines[1:]:
        if line.kind == "rule":
            yield _block("heading", text, start, body, line.end, opens)
        elif start <= last.start and _meant(text, last, line, width):
            yield _block(kind, text, start, body, last.end, opens)
        else:
            last = line
            continue
        kind, opens, last = "text", False, line
        start = body = line.end if line.kind == "rule" else line.start
    if start < last.end:
        yield _block(kind, text, start, body, last.end, opens)


def _meant(text: str, before: _Line, after: _Line, width: int) -> bool:
    """Whether a line end was meant: the next word would have fitted before it, with a quarter of the width to spare.

    A quarter, since lines wrapped in a proportional font differ that much in characters. A small letter goes on.
    """
    word = _FIRST_WORD.search(text, after.start, after.end)
    if word is None or text[word.start()].islower():
        return False
    return before.end - before.start + 1 + len(word[0]) <= 0.75 * width


def _block(kind: Kind, text: str, start: int, body: int, end: int, opens: bool) -> Block:
    while text[start].isspace():
        start += 1
    while text[end - 1].isspace():
        end -= 1
    return Block(kind, start, min(max(body, start), end), end, opens)
