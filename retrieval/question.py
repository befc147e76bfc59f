"""What a question asks about: its telling terms with their weights, and the kind of answer it waits for.

Reads English and Chinese; a question in another language keeps its terms and waits for no particular kind.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from retrieval.analysis import terms
from retrieval.scripts import CJK
from retrieval.tokens import tokenizer

Kind = Literal["number", "name", "any"]

# The bundled vocabulary lists special tokens and single characters first, then whole words, the most frequent first:
# a word's id is its frequency rank, and needs no statistics of a collection, which a small one could not give.
_FIRST_WORD: Final = 1996
# Words that the vocabulary lacks are rarer than its last; figures are as telling as a rare name.
_UNLISTED: Final = 40_000
_FIGURE: Final = 16_000
# The flatter the scale the less a common noun gives way to a name: weights run from 1.4 to 4.4.
_SCALE: Final = 500
# A Chinese word of two characters comes as both and as their pair: 3.6 in all, a rather rare word in Latin script.
_CJK_TERM: Final = 1.2

_LATIN_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_IN_CJK: Final = re.compile(f"[{CJK}]")
_ASKS_NUMBER: Final = re.compile(
    r"\bhow (?:many|much|long|old|far|tall|high|large|big|often|fast|deep|wide|heavy)\b|\bwhen\b"
    r"|\b(?:what|which) (?:\w+ )?(?:year|date|day|month|century|decade|percent\w*|number|age|population)\b"
    r"|多少|几[年个次种位名月天岁]|何时|什么时[候间]|哪一?[年天月]|年份|百分",
    re.IGNORECASE,
)
_ASKS_NAME: Final = re.compile(
    r"\bwho(?:m|se)?\b|\bwhere\b"
    r"|\b(?:what|which) (?:city|country|person|team|company|state|island|river|nation|king|player)\b",
    re.IGNORECASE,
)
_NUMBERS: Final = re.compile(
    r"\d+(?:[.,]\d+)*|[一二三四五六七八九十百千万亿两]+(?=[年月日个名人次种座家位倍点分])"
    r"|\b(?:once|twice|half|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|hundred|thousand"
    r"|[mb]illion)\b",
    re.IGNORECASE,
)
# The first word of a sentence has its capital anyway; amid Chinese every capital opens a name. Acronyms are left out:
# the text may well spell them out.
_NAMES: Final = re.compile(rf"(?:(?<=[^.!?] )[\"'“‘(]?|(?<=[{CJK}]))([A-Z][\w'’-]*[a-z])")
_TITLES: Final = re.compile(r"《([^《》]{2,40})》|“([^“”]{2,40})”|「([^「」]{2,40})」|\"([^\"]{2,40})\"")
# An ending may differ: Germans, German, Germany.
_ENDING: Final = 2
_STEM: Final = 4


@dataclass(frozen=True, slots=True)
class Question:
    weights: Mapping[str, float]
    """Terms as `retrieval.analysis` makes them; the higher the more telling. Empty: nothing is asked about."""
    kind: Kind
    names: frozenset[str]
    """The beginnings of the names it holds, case-folded."""
    figures: frozenset[str]
    """Those of the terms that are numbers."""


def read(text: str) -> Question:
    ranks: dict[str, int] = {}
    for word in _LATIN_WORD.findall(text):
        for term in terms(word):
            ranks[term] = min(_rank(word), ranks.get(term, _UNLISTED))
    weights = {term: _weight(term, ranks) for term in terms(text)}
    return Question(
        weights=weights,
        kind=_kind(text),
        names=frozenset(name.casefold()[: max(_STEM, len(name) - _ENDING)] for name in _names(text)),
        figures=frozenset(term for term in weights if term[0].isdigit()),
    )


def covered(question: Question, found: frozenset[str]) -> float:
    """Return the weighted share of the question's terms among `found`, 0 to 1."""
    total = sum(question.weights.values())
    return sum(weight for term, weight in question.weights.items() if term in found) / total if total else 0.0


def unmentioned(question: Question, text: str, found: frozenset[str]) -> float:
    """Return the share of the question's names that `text` lacks plus the share of its figures that `found` lacks."""
    known = text.casefold()
    names = sum(name not in known for name in question.names) / max(1, len(question.names))
    return names + len(question.figures - found) / max(1, len(question.figures))


def answers_kind(question: Question, sentence: str) -> bool:
    """Whether the sentence holds a number or a name, as the question waits for, beyond those it gives itself."""
    if question.kind == "any":
        return False
    pieces = (_NUMBERS if question.kind == "number" else _NAMES).findall(sentence)
    return any(term not in question.weights for piece in pieces for term in terms(piece))


def _names(text: str) -> list[str]:
    return _NAMES.findall(text) + ["".join(groups).strip() for groups in _TITLES.findall(text)]


def _kind(text: str) -> Kind:
    if _ASKS_NUMBER.search(text):
        return "number"
    return "name" if _ASKS_NAME.search(text) else "any"


def _weight(term: str, ranks: Mapping[str, int]) -> float:
    if _IN_CJK.match(term):
        return _CJK_TERM
    rank = _FIGURE if term[0].isdigit() else ranks.get(term) or _rank(term)
    return math.log(rank / _SCALE)


def _rank(word: str) -> int:
    place = tokenizer().token_to_id(word.casefold())
    return _UNLISTED if place is None else max(place, _FIRST_WORD)
