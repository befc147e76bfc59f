"""Which sentences of a source say what a claim says, by its terms and its figures; no model, so it can be explained."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from retrieval.analysis import terms
from retrieval.base import Span
from retrieval.scripts import CJK, shares
from retrieval.sentences import sentences

THRESHOLD: Final = 0.5
"""Share of a claim's weighted terms that its span must hold."""
WIDEST: Final = 3
"""Sentences in a row that may support a claim together."""
_WIDER_MUST_GAIN: Final = 0.1

_FIGURE: Final = re.compile(r"\d+(?:[.,]\d+)*")
_WORDS: Final = {
    word: str(value)
    for words in ("one two three four five six seven eight nine ten eleven twelve", "一 二 三 四 五 六 七 八 九 十")
    for value, word in enumerate(words.split(), start=1)
}
_NUMBER_WORD: Final = re.compile(rf"\b(?:{'|'.join(w for w in _WORDS if w.isascii())})\b|[一二三四五六七八九十]", re.I)
_HAN: Final = re.compile(rf"[{CJK}]")


@dataclass(frozen=True, slots=True)
class Passage:
    """A source made ready for many claims."""

    text: str
    spans: list[Span]
    terms: list[frozenset[str]]
    figures: list[frozenset[str]]
    """Per sentence, as are the terms."""


def prepare(text: str) -> Passage:
    spans = sentences(text)
    pieces = [text[span.start : span.end] for span in spans]
    found = [figures(piece) | _figures_in_words(piece) for piece in pieces]
    return Passage(text, spans, [frozenset(terms(piece)) for piece in pieces], found)


def supporting(claim: str, question: str, passage: Passage) -> Span | None:
    """Return the span, up to three sentences, that supports the claim best; None if none does.

    Every figure of the claim must stand in the span, and at least half of its terms, rare ones weighing more. Between
    spans that do equally well the question decides. Claim and source in different scripts have only figures in common:
    then those must agree, and a claim without any cannot be checked.
    """
    wanted, needed = _telling(terms(claim)), figures(claim)
    foreign = _foreign(claim, passage.text)
    if not passage.spans or not (needed if foreign else wanted or needed):
        return None
    weights = _weights(wanted, passage)
    asked = _weights(_telling(terms(question)) - wanted, passage)
    best: tuple[float, Span] | None = None
    for width in range(1, min(WIDEST, len(passage.spans)) + 1):
        for first in range(len(passage.spans) - width + 1):
            window = slice(first, first + width)
            if not needed <= frozenset().union(*passage.figures[window]):
                continue
            held = frozenset().union(*passage.terms[window])
            share = _share(weights, held)
            if not foreign and share < THRESHOLD:
                continue
            score = share + 0.2 * _share(asked, held) - _WIDER_MUST_GAIN * (width - 1)
            if best is None or score > best[0]:
                end = passage.spans[first + width - 1].end
                best = score, Span(start=passage.spans[first].start, end=end)
    return best[1] if best else None


def figures(text: str) -> frozenset[str]:
    """The numbers in a text by value: 1,234.50 and 1234.5 are one, ３ and 3 too."""
    found = _FIGURE.findall(unicodedata.normalize("NFKC", text))
    return frozenset(_plain(figure) for figure in found)


def _plain(figure: str) -> str:
    figure = re.sub(r",(?=\d{3}(?:\D|$))", "", figure).replace(",", ".")
    return figure.rstrip("0").rstrip(".") if figure.count(".") == 1 else figure


def _figures_in_words(text: str) -> frozenset[str]:
    return frozenset(_WORDS[word.casefold()] for word in _NUMBER_WORD.findall(text))


def _telling(found: Sequence[str]) -> frozenset[str]:
    """A single Han character says little when its pairs are there too."""
    long = frozenset(term for term in found if len(term) > 1 or not _HAN.match(term))
    return long or frozenset(found)


def _weights(wanted: frozenset[str], passage: Passage) -> dict[str, float]:
    """The rarer among the source's sentences, the heavier; heaviest is what the source does not say at all."""
    counts = Counter(term for found in passage.terms for term in found & wanted)
    n = len(passage.terms)
    return {term: math.log(1 + (n + 1) / (counts[term] + 0.5)) for term in wanted}


def _share(weights: dict[str, float], held: frozenset[str]) -> float:
    total = sum(weights.values())
    return sum(weight for term, weight in weights.items() if term in held) / total if total else 0.0


def _foreign(claim: str, text: str) -> bool:
    """Whether the two are written in different scripts for the most part."""
    ours, theirs = shares(claim), shares(text)
    return bool(ours and theirs) and sum(min(ours[s], theirs.get(s, 0.0)) for s in ours) < 0.2
