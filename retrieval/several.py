"""One list of what several queries found: reciprocal rank fusion, as RAG-Fusion joins them.

Cormack, Clarke and Buettcher 2009 (the constant is `fusion.RANK_SMOOTHING`); Rackauckas 2024, RAG-Fusion
(arXiv:2402.03367).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from retrieval.base import FoundBy
from retrieval.fusion import reciprocal_rank

if TYPE_CHECKING:
    from retrieval.base import Hit


def fuse(queries: Sequence[str], rankings: Sequence[Sequence[Hit]], k: int) -> list[Hit]:
    """The k best of the hits of each query, best first.

    The score is that of being first for every query, 1, or a share of it; scores of different searches cannot be
    compared. Each hit has the stages of the query that ranked it best, and says which found it.
    """
    import numpy as np

    found: dict[int, list[tuple[FoundBy, Hit]]] = {}
    for query, hits in zip(queries, rankings, strict=True):
        for rank, hit in enumerate(hits, start=1):
            by = FoundBy(query=query, rank=rank, score=hit.score)
            found.setdefault(hit.chunk_id, []).append((by, hit))
    if not found:
        return []
    ranks = np.full((len(queries), len(found)), np.inf)
    for column, ids in enumerate(found):
        for row, hits in enumerate(rankings):
            ranks[row, column] = next((n for n, hit in enumerate(hits, start=1) if hit.chunk_id == ids), np.inf)
    fused = reciprocal_rank(*ranks).tolist()
    scored = zip(fused, found.values(), strict=True)
    best = sorted(scored, key=lambda one: (-one[0], min(by.rank for by, _ in one[1])))
    return [_joined(score, places) for score, places in best[:k]]


def _joined(score: float, places: Sequence[tuple[FoundBy, Hit]]) -> Hit:
    _, hit = min(places, key=lambda one: one[0].rank)
    stages = hit.stages.model_copy(update={"found_by": tuple(by for by, _ in places)})
    return hit.model_copy(update={"score": score, "stages": stages})
