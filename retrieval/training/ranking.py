"""Where the right passages come in a ranking of a pool: what training is steered by, and measured with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from retrieval.training.examples import Example

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrieval.base import Vectors

CUT: Final = 10
BATCH: Final = 64
Places = list[list[int]]
"""For every question the ranks of its right passages, counted from 1 and rising."""


def embedded(model: Any, texts: Sequence[str], kind: str) -> Vectors:
    encode = model.encode_query if kind == "query" else model.encode_document
    found: Vectors = encode(list(texts), batch_size=BATCH, show_progress_bar=False, normalize_embeddings=True)
    return found


def by_model(model: Any, examples: Sequence[Example], passages: Sequence[str]) -> Places:
    documents = embedded(model, passages, "document")
    return by_vectors(embedded(model, [one.query for one in examples], "query"), documents, examples, passages)


def by_vectors(queries: Vectors, documents: Vectors, examples: Sequence[Example], passages: Sequence[str]) -> Places:
    place = {text: number for number, text in enumerate(passages)}
    return [_ranks(documents @ vector, one, place) for vector, one in zip(queries, examples, strict=True)]


def _ranks(scores: NDArray[np.float32], example: Example, place: dict[str, int]) -> list[int]:
    """Equal scores count against the right passage."""
    return sorted(int((scores >= scores[place[text]]).sum()) for text in example.positives)


def figures(places: Places) -> dict[str, list[float]]:
    """By question: `average_rank` of its right passages, `mrr` and `recall` at 10, `recall_at_1`."""
    return {
        "average_rank": [sum(ranks) / len(ranks) for ranks in places],
        "mrr": [1 / ranks[0] if ranks[0] <= CUT else 0.0 for ranks in places],
        "recall": [sum(rank <= CUT for rank in ranks) / len(ranks) for ranks in places],
        "recall_at_1": [float(ranks[0] == 1) for ranks in places],
    }


def means(values: dict[str, list[float]]) -> dict[str, float]:
    return {name: sum(one) / len(one) for name, one in values.items()}


def better(one: dict[str, float], other: dict[str, float], select: str) -> bool:
    return one[select] < other[select] if select == "average_rank" else one[select] > other[select]
