"""The sentences of some passages, each with the terms of a question that it and its neighbours hold."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from retrieval.analysis import terms
from retrieval.base import Span
from retrieval.blocks import blocks
from retrieval.header_rows import names_columns
from retrieval.question import Question, answers_kind, covered
from retrieval.sentences import within

# Sentences each side that may name what a sentence is about; together with it about one chunk of 250 tokens.
_AROUND: Final = 3
# How much more a term tells that stands in few of the sentences: 1 + this * ln(sentences / sentences with it).
_RARE_HERE: Final = 0.5
# Shares of the parts in a sentence's score. The order of sentences hardly moves with any of them halved or doubled.
OWN_TERMS: Final = 1.0
_AROUND_TERMS: Final = 0.6
_KIND: Final = 0.15
_BEFORE_TERMS: Final = 0.1
WHOLE: Final = OWN_TERMS + _AROUND_TERMS + _KIND + _BEFORE_TERMS


@dataclass(frozen=True, slots=True)
class Candidate:
    passage: int
    span: Span
    text: str
    own: frozenset[str]
    """Terms of the question in the sentence itself; below: in the one before it; in it and three each side."""
    before: frozenset[str]
    around: frozenset[str]
    header: Span | None = None
    """Of a table's row: the row that says what its columns are. Its words count as the row's own, in `text` too."""


def candidates(question: Question, passages: Sequence[str]) -> list[Candidate]:
    """Return every sentence once, in order: chunks that overlap repeat theirs."""
    seen: dict[str, Candidate] = {}
    for index, passage in enumerate(passages):
        for candidate in _of_passage(question, index, passage):
            seen.setdefault(candidate.text, candidate)
    return list(seen.values())


def _of_passage(question: Question, index: int, passage: str) -> Iterator[Candidate]:
    told = list(_told(passage))
    spans = [span for span, _ in told]
    texts = [passage[span.start : span.end] for span in spans]
    for place, (_, header) in enumerate(told):
        if header is not None:
            texts[place] = f"{passage[header.start : header.end]}\n{texts[place]}"
    own = [frozenset(term for term in terms(text) if term in question.weights) for text in texts]
    headers = {header for _, header in told if header is not None}
    for place, (span, text) in enumerate(zip(spans, texts, strict=True)):
        if span in headers or not any(map(str.isalnum, passage[span.start : span.end])):
            continue  # what only names columns; a rule, a table's separator row
        yield Candidate(
            passage=index,
            span=span,
            text=text,
            own=own[place],
            before=own[place - 1] if place else frozenset(),
            around=frozenset().union(*own[max(0, place - _AROUND) : place + _AROUND + 1]),
            header=told[place][1],
        )


def _told(passage: str) -> Iterator[tuple[Span, Span | None]]:
    """Each sentence; a row of a table with the header row above it, if it has one."""
    header: Span | None = None
    in_table = False
    for block in blocks(passage):
        for start, end in within(passage, block):
            span = Span(start=start, end=end)
            if block.kind != "row":
                in_table, header = False, None
            elif not in_table:
                in_table, header = True, None
                yield span, None
                header = span if names_columns(_cells(passage[start:end])) else None
                continue
            yield span, header


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("| ").split("|")]


def lexical_scores(question: Question, found: Sequence[Candidate]) -> list[float]:
    """Return a score per candidate, 0 to `WHOLE`, from terms and kind of answer alone."""
    counts = Counter(term for candidate in found for term in candidate.own)
    telling = {
        term: weight * (1 + _RARE_HERE * math.log(len(found) / max(1, counts[term])))
        for term, weight in question.weights.items()
    }
    here = replace(question, weights=telling)
    return [
        OWN_TERMS * covered(here, candidate.own)
        + _AROUND_TERMS * covered(question, candidate.around)
        + _KIND * answers_kind(question, candidate.text)
        + _BEFORE_TERMS * covered(here, candidate.before)
        for candidate in found
    ]
