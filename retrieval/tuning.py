"""Finding how far an approximate index must look for a recall that is asked for, and no further."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from retrieval.indexes.plan import REFINE, Knobs
from retrieval.measure import K, recall, vector_of

if TYPE_CHECKING:
    from retrieval.base import Vectors
    from retrieval.generation import Generation
    from retrieval.pace import Pace

LEAST = 8
"""Of effort: below it nothing is gained."""
FURTHER = (None, 4 * REFINE)
"""Candidates per result, tried in turn; None: as many as the index has anyway."""


def tune(generation: Generation, queries: Sequence[str], target: float, pace: Pace) -> list[str]:
    """Set the quickest of the doubling efforts that reach `target` on the queries. Returns notes. Blocks.

    The least effort need not be the quickest: what it misses altogether has to be looked for again. Where none reaches
    the target, the one that comes nearest is kept and a note says so.
    """
    looks = generation.looks()
    if looks is None or not queries:
        return []
    vectors = [vector_of(generation, query) for query in queries]
    ladder = [effort for power in range(30) if (effort := LEAST << power) < looks[1]] + [looks[1]]
    best, quickest = (-1.0, Knobs()), (float("inf"), Knobs())
    for refine in FURTHER:
        for effort in ladder:
            generation.set_knobs(Knobs(effort, refine))
            reached, seconds = _tried(generation, queries, vectors, pace)
            best = max(best, (reached, generation.knobs), key=lambda tried: tried[0])
            if seconds >= quickest[0]:
                break
            if reached >= target:
                quickest = (seconds, generation.knobs)
        if quickest[1].effort is not None:
            generation.set_knobs(quickest[1])
            more = f", {refine} candidates a result" if refine else ""
            return [f"target_recall {target:g}: effort {quickest[1].effort}{more}"]
    generation.set_knobs(best[1])
    return [f"target_recall {target:g} was not reached: {best[0]:.3f} at most"]


def _tried(
    generation: Generation, queries: Sequence[str], vectors: Sequence[Vectors], pace: Pace
) -> tuple[float, float]:  # fmt: skip
    """Mean recall of the searches, and the seconds they took."""
    shares, seconds = [], 0.0
    for query, vector in zip(queries, vectors, strict=True):
        began = time.perf_counter()
        found = [ranked.id for ranked in generation.search(query, vector, K, None)]
        seconds += time.perf_counter() - began
        shares.append(recall(generation, query, vector, found) or 0.0)
        pace.slice()
    return sum(shares) / len(shares), seconds
