"""Citations: which words of which document an answer rests on, checked against the document itself.

A marker [n] in an answer is a promise. Here it is kept or broken: kept, it becomes the span of source n that says the
same; broken, a doubt that the reader is told of. Pure functions over the answer and the hits the model was shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property
from typing import Literal

from pydantic import BaseModel, ConfigDict

from agents.citation import Citation
from agents.markers import Marker, markers
from agents.support import Passage, prepare, supporting, whole_sentence
from agents.verbatim import Folded, find, fold, quotations, weighty
from retrieval.base import Hit

# Folded characters from which verbatim words are no chance: about five words, or seven Han characters.
_STRETCH = 20
_QUOTATION = 9
_SHOWN = 80


class Doubt(BaseModel):
    """A marker that vouches for nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: Literal["unknown_source", "unsupported_citation"]
    index: int
    message: str


def cite(answer: str, hits: Sequence[Hit], question: str = "") -> list[Citation]:
    """Return the citations whose source bears them out; `hits` in the order they were numbered, from 1."""
    return check(answer, hits, question)[0]


def check(answer: str, hits: Sequence[Hit], question: str = "") -> tuple[list[Citation], list[Doubt]]:
    """Judge every marker of the answer. Each pair of marker and source gives one citation or one doubt."""
    sources = cache(lambda number: _Source(hits[number - 1].text))
    citations: list[Citation] = []
    doubts: list[Doubt] = []
    for marker in markers(answer):
        if _copied(answer, marker, hits):
            continue
        for number in marker.numbers:
            if not 1 <= number <= len(hits):
                message = f"the answer cites [{number}], but there were {len(hits)} sources"
                doubts.append(Doubt(code="unknown_source", index=marker.index, message=message))
            elif (span := sources(number).span(marker, question)) is not None:
                citations.append(_citation(marker, hits[number - 1], *span))
            else:
                doubts.append(_unsupported(marker, number, hits[number - 1]))
    return citations, doubts


class _Source:
    """A hit's text, made ready for its markers only as far as they need it."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _folded(self) -> Folded:
        return fold(self._text)

    @cached_property
    def _passage(self) -> Passage:
        return prepare(self._text)

    def span(self, marker: Marker, question: str) -> tuple[int, int] | None:
        if (quoted := _quoted(marker, self._folded)) is not None:
            return quoted
        for claim in marker.claims:
            if (found := whole_sentence(claim, self._passage)) is not None:
                return found.start, found.end
            if (found := supporting(claim, question, self._passage)) is not None:
                return found.start, found.end
        return None


def _quoted(marker: Marker, source: Folded) -> tuple[int, int] | None:
    """The span that the answer repeats word for word: all since the last marker, a sentence, or a quotation."""
    for words in (marker.passage, *marker.claims):
        if weighty(words, _STRETCH) and (span := find(words, source)) is not None:
            return span
    for words in (quotation for claim in marker.claims for quotation in quotations(claim)):
        if weighty(words, _QUOTATION) and (span := find(words, source)) is not None:
            return span
    return None


def _citation(marker: Marker, hit: Hit, start: int, end: int) -> Citation:
    return Citation(
        index=marker.index,
        file_id=hit.file_id,
        filename=hit.filename,
        quote=hit.text[start:end],
        start=hit.start + start,
        end=hit.start + end,
        chunk_id=hit.chunk_id,
    )


def _unsupported(marker: Marker, number: int, hit: Hit) -> Doubt:
    claim = marker.claims[0] if marker.claims else ""
    shown = claim if len(claim) <= _SHOWN else claim[: _SHOWN - 1] + "…"
    message = f"source [{number}] ({hit.filename}) does not bear out {shown!r}"
    return Doubt(code="unsupported_citation", index=marker.index, message=message)


def _copied(answer: str, marker: Marker, hits: Sequence[Hit]) -> bool:
    """Whether the marker is a footnote of a quoted document, copied with the words before it."""
    context = answer[max(0, marker.index - 24) : marker.end]
    if len(context) - (marker.end - marker.index) < 12:
        return False
    holders = {n for n, hit in enumerate(hits, start=1) if context in hit.text}
    return bool(holders) and holders.isdisjoint(marker.numbers)
