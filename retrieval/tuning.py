"""Finding how far an approximate index must look for a recall that is asked for, and no further."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from retrieval.indexes.plan import REFINE, Knobs
from retrieval.measure import K, recall, vector_of

if TYPE_CHECKING:
    from retrieval.generation import Generation
    from retrieval.pace import Pace

LEAST = 8
"""Of effort: below it nothing is gained."""
FURTHER = (REFINE, 4 * REFINE)
"""Candidates per result, tried in turn."""


def tune(generation: Generation, queries: Sequence[str], target: float, pace: Pace) -> list[str]:
    """Set the least of the doubling efforts that reaches `target` on the queries. Returns notes. Blocks.

    Where none does, the one that comes nearest is kept and a note says so.
    """
    looks = generation.looks()
    if looks is None or not queries:
        return []
    vectors = [vector_of(generation, query) for query in queries]
    ladder = [effort for power in range(30) if (effort := LEAST << power) < looks[1]] + [looks[1]]
    best = (-1.0, Knobs())
    for refine in FURTHER:
        for effort in ladder:
            generation.set_knobs(Knobs(effort, refine))
            shares = []
            for query, vector in zip(queries, vectors, strict=True):
                found = [ranked.id for ranked in generation.search(query, vector, K, None)]
                shares.append(recall(generation, query, vector, found) or 0.0)
                pace.slice()
            reached = sum(shares) / len(shares)
            best = max(best, (reached, generation.knobs), key=lambda tried: tried[0])
            if reached >= target:
                return [f"target_recall {target:g}: effort {effort}, {refine} candidates a result"]
    generation.set_knobs(best[1])
    return [f"target_recall {target:g} was not reached: {best[0]:.3f} at most"]
