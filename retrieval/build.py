"""Building a generation behind the one that serves: load or make it, catch up with writes, tune, measure, judge.

Every step leaves what the next start needs: vectors are stored as they are made, the index when it is written. So a
build that a kill cut short is begun again and soon is where it was. `attempts` counts beginnings since something was
stored: one that gets no further may be what ends the process. A stop takes its attempt back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from retrieval import generations, judgments
from retrieval.evaluation import Difference, compare, estimate
from retrieval.gate import Gate, misses
from retrieval.judged import beside_active
from retrieval.measure import K, measure
from retrieval.opening import join, note_model
from retrieval.pace import Stopped
from retrieval.reach import serves
from retrieval.sampling import sample
from retrieval.tables import generation
from retrieval.tuning import tune

if TYPE_CHECKING:
    from sqlalchemy import Row

    from retrieval.collection import Collection
    from retrieval.lanes import Lane
    from retrieval.pace import Pace


async def build(collection: Collection, row: Row[Any], pace: Pace) -> None:
    """Bring a queued generation to `ready`. Raises Stopped, RetrievalError, and what an embedder raises."""
    database = collection.resources.database
    change = partial(generations.change, generation_id=row.id, only=generations.UNFINISHED)
    await database.write(partial(change, status="building", attempts=row.attempts + 1))
    pace.kept = lambda: database.write_here(partial(change, attempts=1))
    try:
        await _built(collection, row, pace, change)
    except Stopped:
        await database.write(partial(change, attempts=generation.c.attempts - 1))
        raise


async def _built(collection: Collection, row: Row[Any], pace: Pace, change: Callable[..., bool]) -> None:
    database = collection.resources.database

    async def note(**values: Any) -> None:
        await database.write(partial(change, **values))

    began = time.perf_counter()
    lane = await join(collection, row, pace)
    if lane.refusal is not None:
        raise lane.refusal
    await database.write(partial(note_model, lane=lane))
    build_s = round(time.perf_counter() - began, 2)
    await note(status="measuring")
    notes, metrics = await _measure(collection, lane, row, pace, build_s)
    ndcg = await _judge(collection, lane, pace, metrics)
    await note(
        status="ready",
        metrics=metrics,
        misses=misses(Gate(**(row.gate or {})), metrics, ndcg),
        notes=[*lane.generation.notes, *notes],
        knobs={"effort": lane.generation.knobs.effort, "refine": lane.generation.knobs.refine},
    )


async def _measure(
    collection: Collection, lane: Lane, row: Row[Any], pace: Pace, build_s: float
) -> tuple[list[str], dict[str, Any]]:  # fmt: skip
    """Notes and metrics; the active generation's are taken in the same turns, and stored."""
    queries, notes = await sample(collection, lane), []
    if row.target_recall is not None:
        # The other half then tells whether the target is reached on queries that had no part in it.
        notes = await collection.building(tune, lane.generation, queries[::2], row.target_recall, pace)
        queries = queries[1::2] or queries
    active = collection.active
    before = [active] if active is not lane and await serves(collection, active) else []
    figures, *others = await measure(collection, [lane, *before], queries, pace)
    for other in others:
        metrics = await collection.in_thread(other.metrics, active.generation, None)
        await collection.resources.database.write(partial(_renew, generation_id=active.id, metrics=metrics))
    return notes, await collection.in_thread(figures.metrics, lane.generation, build_s)


async def _judge(collection: Collection, lane: Lane, pace: Pace, metrics: dict[str, Any]) -> Difference | None:
    """Fill in the figures of the judged queries; the difference in nDCG from the active generation, if any."""
    database, active = collection.resources.database, collection.active
    judged = await database.read(partial(judgments.by_query, collection_id=collection.id))
    if not judged:
        return None
    own, baseline = await beside_active(collection, lane, judged, K, pace)
    metrics |= {f"{name}_at_10": estimate(own[name]).mean for name in ("ndcg", "mrr")}
    if baseline is None:
        return None
    figures = {f"{name}_at_10": estimate(baseline[name]).mean for name in ("ndcg", "mrr")}
    await database.write(partial(generations.add_metrics, generation_id=active.id, figures=figures))
    return await collection.in_thread(compare, own["ndcg"], baseline["ndcg"])  # type: ignore[no-any-return]


def _renew(db: Any, generation_id: str, metrics: dict[str, Any]) -> None:
    """Replace what was measured; how long the building took, and the judged figures, stay."""
    former = generations.by_id(db, generation_id)
    kept = {} if former is None else former.metrics or {}
    lasting = {name: kept.get(name) for name in ("build_s", "ndcg_at_10", "mrr_at_10")}
    generations.change(db, generation_id, metrics={**metrics, **lasting})
