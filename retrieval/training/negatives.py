"""Hard negatives: passages that share words with a question and do not answer it (Karpukhin et al. 2020, 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
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
    answers = [answer.casefold() for answer in example.answers]
    banned = {*example.positives, *given}
    found = [passages[place] for place in ids[0].tolist() if place >= 0]
    wrong = [text for text in found if text not in banned and not any(a in text.casefold() for a in answers)]
    return [*given, *wrong[skip:]][:count]


def columns(
    examples: Sequence[Example], passages: Sequence[str], count: int, skip: int, seed: int
) -> dict[str, list[str]]:
    """The columns of the data set: `anchor`, `positive`, and `negative_1` to `negative_count`; a row for each right
    passage. Where BM25 finds too few, passages by chance make up the number; without any at all there is no column."""
    import random

    chance, index = random.Random(seed), lexical(passages)
    rows: list[list[str]] = []
    for example in examples:
        right = {*example.positives, *example.negatives}
        others = mined(example, passages, index, count, skip) if count else []
        tries = 0
        while len(others) < count and tries < DEEP:
            tries += 1
            text = passages[chance.randrange(len(passages))]
            if text not in right and text not in others:
                others.append(text)
        rows += [[example.query, positive, *others] for positive in example.positives]
    width = min(map(len, rows))
    names = ["anchor", "positive", *(f"negative_{number}" for number in range(1, width - 1))]
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}
