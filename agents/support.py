"""Which sentences of a source say what a claim says, by its terms and its figures; no model, so it can be explained."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from agents.verbatim import bare
from retrieval.analysis import terms
from retrieval.base import Span
from retrieval.scripts import CJK, shares
from retrieval.sentences import sentences

THRESHOLD: Final = 0.35
"""Share of a claim's weighted terms that its span must hold. Paraphrase loses many: XQuAD's questions, joined with
their answers as loose claims, find support in their own passage in about nine cases of ten (English) and eight of ten
(Chinese), in another passage of the same article in one of fifty; tests/agents/test_support.py measures it."""
_OF_ONE: Final = 0.75
_PER_TERM: Final = 0.05
"""A claim of few terms needs more of them, so that `Norway left` is not borne out by any mention of Norway."""
WIDEST: Final = 3
"""Sentences in a row that may support a claim together."""
_WIDER_MUST_GAIN: Final = 0.3
"""Of the share, per further sentence: a short quote is easier to check by eye."""
_QUESTION: Final = 0.2
"""Weight of the question's terms: enough to choose between equals."""

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

    Every figure of the claim must stand in the span, and enough of its terms, rare ones weighing more. Between
    spans that do equally well the question decides. Claim and source in different scripts have only figures in common:
    then those must agree, and a claim without any cannot be checked.
    """
    wanted, needed = _telling(terms(claim)), figures(claim)
    foreign = _foreign(claim, passage.text)
    if not passage.spans or not (needed if foreign else wanted or needed):
        return None
    weights, enough = _weights(wanted, passage), _enough(len(wanted))
    asked = _weights(_telling(terms(question)) - wanted, passage)
    best: tuple[float, Span] | None = None
    for width in range(1, min(WIDEST, len(passage.spans)) + 1):
        for first in range(len(passage.spans) - width + 1):
            window = slice(first, first + width)
            if not needed <= frozenset().union(*passage.figures[window]):
                continue
            held = frozenset().union(*passage.terms[window])
            share = _share(weights, held)
            if not foreign and share < enough:
                continue
            score = share + _QUESTION * _share(asked, held) - _WIDER_MUST_GAIN * (width - 1)
            if best is None or score > best[0]:
                end = passage.spans[first + width - 1].end
                best = score, Span(start=passage.spans[first].start, end=end)
    return best[1] if best else None


def whole_sentence(claim: str, passage: Passage) -> Span | None:
    """Return the sentence that the claim repeats, however short it is and whatever stop words it consists of."""
    wanted = bare(claim)
    near = range(len(wanted), 2 * len(wanted) + 16)
    for span in passage.spans:
        if span.end - span.start in near and bare(passage.text[span.start : span.end]) == wanted != "":
            return span
    return None


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


def _enough(terms: int) -> float:
    """Two of three words in common mean little, a third of twelve a lot."""
    return max(THRESHOLD, _OF_ONE - _PER_TERM * terms)


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
