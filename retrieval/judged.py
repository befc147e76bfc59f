"""Generations of a collection on its judged queries, each against the active one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from retrieval.evaluation import compare, estimate, scores
from retrieval.judgments import Judgment, grades, ranking
from retrieval.pace import Pace

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.lanes import Lane

Judged = Mapping[str, Sequence[Judgment]]
DEEP = 5
"""Chunks asked for per result wanted: several may be of one file."""
MOST = 250
AT_ONCE = 4


async def judged_scores(
    collection: Collection, lane: Lane, judged: Judged, k: int, pace: Pace | None = None
) -> dict[str, list[float]]:  # fmt: skip
    """`ndcg`, `mrr` and `recall` at k of every judged query, in their order. Raises Stopped."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(query: str) -> list[str]:
        async with gate:
            hits = await collection.search(query, min(DEEP * k, MOST), lane=lane)
            if pace is not None:
                await collection.in_thread(pace.slice)
            return ranking(hits, judged[query])

    rankings = dict(zip(judged, await asyncio.gather(*map(one, judged)), strict=True))
    graded = {query: grades(found) for query, found in judged.items()}
    return await collection.in_thread(partial(scores, rankings, graded, k))  # type: ignore[no-any-return]


async def evaluate(
    collection: Collection, lanes: Sequence[Lane], judged: Judged, k: int
) -> list[dict[str, Any]]:  # fmt: skip
    """For each lane the means of its scores, and their differences from the active one's."""
    baseline = await judged_scores(collection, collection.active, judged, k)
    found = []
    for lane in lanes:
        own = baseline if lane is collection.active else await judged_scores(collection, lane, judged, k)
        found.append(await collection.in_thread(_summary, lane.id, own, baseline, lane is collection.active))
    return found


def _summary(id: str, own: dict[str, list[float]], baseline: dict[str, list[float]], same: bool) -> dict[str, Any]:
    return {
        "generation": id,
        "metrics": {name: estimate(values).model_dump() for name, values in own.items()},
        "versus_active": None
        if same
        else {name: compare(values, baseline[name]).model_dump() for name, values in own.items()},
    }
