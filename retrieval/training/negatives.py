"""Hard negatives: passages that share words with a question and do not answer it (Karpukhin et al. 2020, 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING

from retrieval.training.examples import Example

if TYPE_CHECKING:
    from retrieval.indexes.bm25 import BM25Index

DEEP = 100


def lexical(passages: Sequence[str]) -> BM25Index:
    """An index of the passages by their place."""
    import numpy as np

    from retrieval.indexes.bm25 import BM25Index

    index = BM25Index()
    index.add(np.arange(len(passages)), passages)
    return index


def mined(example: Example, passages: Sequence[str], index: BM25Index, count: int, skip: int = 0) -> list[str]:
    """Up to `count` negatives: the example's own, then the best by BM25 after `skip`, none of which is right or holds
    one of the answers."""
    given = list(example.negatives[:count])
    if len(given) == count:
        return given
    _, ids = index.search([example.query], min(DEEP + skip, max(1, len(passages))))
    answers = _answers(example)
    banned = {*example.positives, *given}
    found = [passages[place] for place in ids[0].tolist() if place >= 0]
    wrong = [text for text in found if text not in banned and not _holds(text, answers)]
    return [*given, *wrong[skip:]][:count]


def columns(
    examples: Sequence[Example], passages: Sequence[str], count: int, skip: int, seed: int
) -> dict[str, list[str]]:
    """The columns of the data set: `anchor`, `positive`, and `negative_1` to `negative_count`; a row for each right
    passage. Where BM25 finds too few, others by chance make up the number; where none is left, there is no column."""
    import random

    chance, index = random.Random(seed), lexical(passages)
    rows: list[list[str]] = []
    for example in examples:
        banned, answers = {*example.positives, *example.negatives}, _answers(example)
        others = mined(example, passages, index, count, skip) if count else []
        # By chance, and if that finds too few, whatever there is.
        places = chain((chance.randrange(len(passages)) for _ in range(DEEP)), range(len(passages)))
        while len(others) < count and (place := next(places, None)) is not None:
            text = passages[place]
            if text not in banned and text not in others and not _holds(text, answers):
                others.append(text)
        rows += [[example.query, positive, *others] for positive in example.positives]
    width = min(map(len, rows))
    names = ["anchor", "positive", *(f"negative_{number}" for number in range(1, width - 1))]
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _answers(example: Example) -> list[str]:
    return [answer.casefold() for answer in example.answers]


def _holds(text: str, answers: Sequence[str]) -> bool:
    """Whether one of the answers, which are case-folded, stands in the text."""
    folded = text.casefold()
    return any(answer in folded for answer in answers)
