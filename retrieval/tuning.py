"""Finding how far an approximate index must look for a recall that is asked for, and no further."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.indexes.plan import REFINE, Knobs
from retrieval.measure import K, share_found, vector_of

if TYPE_CHECKING:
    from retrieval.base import Vectors
    from retrieval.generation import Generation
    from retrieval.pace import Pace

LEAST = 8
"""Of effort: below it nothing is gained."""
FURTHER = (None, 4 * REFINE)
"""Candidates per result, tried in turn; None: as many as the index has anyway."""
PATIENCE_S = 0.01
"""Of a search: one that takes longer must be quicker than an exact search, or it is worth nothing."""


def tune(
    generation: Generation, queries: Sequence[str], target: float, pace: Pace,
    clock: Callable[[], float] = time.perf_counter,
) -> list[str]:  # fmt: skip
    """Set the quickest of the doubling efforts that reach `target` on the queries. Returns notes. Blocks.

    The least effort need not be the quickest: what it misses altogether has to be looked for again. Where none reaches
    the target, the one that comes nearest is kept and a note says so. None is taken that needs longer than an exact
    search and than `PATIENCE_S`; if even the least does, that is kept.
    """
    looks = generation.looks()
    if looks is None or not queries:
        return []
    _exact(generation, queries[0], pace, clock)  # It reads pages and fills caches, for no query's account.
    asked = [_exact(generation, query, pace, clock) for query in queries]
    limit = max(sum(one.seconds for one in asked), PATIENCE_S * len(asked))
    ladder = [effort for power in range(30) if (effort := LEAST << power) < looks[1]] + [looks[1]]
    nearest, chosen = (-1.0, Knobs(ladder[0])), Knobs()
    for refine in FURTHER:
        for effort in ladder:
            generation.set_knobs(Knobs(effort, refine))
            reached, seconds = _tried(generation, asked, pace, clock)
            if seconds >= limit:  # Once more: something else may have had the machine.
                seconds = min(seconds, _tried(generation, asked, pace, clock)[1])
            if seconds >= limit:
                break
            nearest = max(nearest, (reached, generation.knobs), key=lambda tried: tried[0])
            if reached >= target:
                limit, chosen = seconds, generation.knobs
        if chosen.effort is not None:
            generation.set_knobs(chosen)
            more = f", {refine} candidates a result" if refine else ""
            return [f"target_recall {target:g}: effort {chosen.effort}{more}"]
    generation.set_knobs(nearest[1])
    if nearest[0] < 0:
        return [f"target_recall {target:g} was not tried: even effort {ladder[0]} takes longer than an exact search"]
    return [f"target_recall {target:g} was not reached: {nearest[0]:.3f} at most, by efforts quicker than exact search"]


@dataclass(frozen=True)
class _Asked:
    query: str
    vector: Vectors
    exact: frozenset[int]
    seconds: float
    """Of the exact search."""


def _exact(generation: Generation, query: str, pace: Pace, clock: Callable[[], float]) -> _Asked:
    vector = vector_of(generation, query)
    began = clock()
    exact = frozenset(ranked.id for ranked in generation.search(query, vector, K, None, exactly=True))
    seconds = clock() - began
    pace.slice()
    return _Asked(query, vector, exact, seconds)


def _tried(
    generation: Generation, queries: Sequence[_Asked], pace: Pace, clock: Callable[[], float]
) -> tuple[float, float]:
    """Mean recall of the searches, and the seconds they took."""
    shares, seconds = [], 0.0
    for asked in queries:
        began = clock()
        found = [ranked.id for ranked in generation.search(asked.query, asked.vector, K, None)]
        seconds += clock() - began
        shares.append(share_found(asked.exact, found) or 0.0)
        pace.slice()
    return sum(shares) / len(shares), seconds
