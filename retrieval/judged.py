"""Generations of a collection on its judged queries, each against the active one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from retrieval.base import Rerank
from retrieval.evaluation import compare, estimate, scores
from retrieval.judgments import Judgment, grades, ranking
from retrieval.pace import Pace
from retrieval.reach import serves

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.lanes import Lane

Judged = Mapping[str, Sequence[Judgment]]
Scores = dict[str, list[float]]
DEEP = 5
"""Chunks asked for per result wanted: several may be of one file."""
MOST = 250
AT_ONCE = 4


async def judged_scores(
    collection: Collection, lane: Lane, judged: Judged, k: int, pace: Pace | None = None, rerank: Rerank | None = None
) -> Scores:  # fmt: skip
    """`ndcg`, `mrr` and `recall` at k of every judged query, in their order. Raises Stopped."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(query: str) -> list[str]:
        async with gate:
            hits = await collection.search(query, min(DEEP * k, MOST), lane=lane, rerank=rerank, asked=False)
            if pace is not None:
                await collection.in_thread(pace.slice)
            return ranking(hits, judged[query])

    rankings = dict(zip(judged, await asyncio.gather(*map(one, judged)), strict=True))
    graded = {query: grades(found) for query, found in judged.items()}
    return await collection.in_thread(partial(scores, rankings, graded, k))  # type: ignore[no-any-return]


async def beside_active(
    collection: Collection, lane: Lane, judged: Judged, k: int, pace: Pace | None = None
) -> tuple[Scores, Scores | None]:  # fmt: skip
    """Scores of a lane, and of the active one, if that can be searched. Raises Stopped."""
    active = collection.active
    own = await judged_scores(collection, lane, judged, k, pace)
    return own, await judged_scores(collection, active, judged, k, pace) if await serves(collection, active) else None


async def evaluate(
    collection: Collection, lanes: Sequence[Lane], judged: Judged, k: int, rerank: Sequence[Rerank] = ()
) -> list[dict[str, Any]]:  # fmt: skip
    """For each lane the means of its scores, as it is and with each reranker, and their differences from the active
    one's, if that can be searched, and from those of the same lane as it is. Raises RerankerMissing."""
    active = collection.active
    baseline = await judged_scores(collection, active, judged, k) if await serves(collection, active) else None
    found = []
    for lane in lanes:
        plain = baseline if lane is active else None
        if plain is None:
            plain = await judged_scores(collection, lane, judged, k)
        versus = {"versus_active": None if lane is active else baseline}
        about = {"generation": lane.id, "rerank": None}
        found.append(await collection.in_thread(_summary, about, plain, {**versus, "versus_plain": None}))
        for one in rerank:
            own = await judged_scores(collection, lane, judged, k, rerank=one)
            about = {"generation": lane.id, "rerank": one.ranker}
            found.append(
                await collection.in_thread(_summary, about, own, {"versus_active": baseline, "versus_plain": plain})
            )
    return found


def _summary(about: dict[str, Any], own: Scores, versus: Mapping[str, Scores | None]) -> dict[str, Any]:
    return {
        **about,
        "metrics": {name: estimate(values).model_dump() for name, values in own.items()},
        **{name: other and _differences(own, other) for name, other in versus.items()},
    }


def _differences(own: Scores, other: Scores) -> dict[str, Any]:
    return {name: compare(values, other[name]).model_dump() for name, values in own.items()}
