"""Making another generation the active one: a row of the database, then a pointer. The way back is the same."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from retrieval import generations, judgments
from retrieval.errors import GateFailed, GenerationNotReady, UnknownGeneration
from retrieval.evaluation import compare, estimate
from retrieval.gate import NO_WORSE, Gate, worse
from retrieval.judged import beside_active
from retrieval.measure import K
from retrieval.reach import reachable

if TYPE_CHECKING:
    from sqlalchemy import Row

    from retrieval.collection import Collection

MOST_JUDGED: Final = 1_000
"""Judged queries that an activation measures with, evenly chosen among more: seconds, where all might take minutes."""


async def activate(collection: Collection, generation_id: str, *, force: bool = False) -> str | None:
    """Returns the id of the generation that it takes the place of; None: it is active already. Raises
    UnknownGeneration, GenerationNotReady, GateFailed (unless forced), EmbedderMismatch, EmbedderAway, IndexUnavailable.

    No search waits: those under way end in the generation that they began in. A gate that asks for no loss of nDCG is
    judged here, against the generation that is active now.
    """
    database = collection.resources.database
    get = partial(generations.get, collection_id=collection.id, generation_id=generation_id)
    if _searchable(await database.read(get), generation_id).status == "active":
        return None
    await collection.settled(generation_id)
    if generation_id in collection.lanes and generation_id != collection.active.id:
        await reachable(collection, collection.lanes[generation_id])
    judged: list[dict[str, Any]] | None = None
    against = None
    while against is not collection.active:
        against = collection.active
        judged = await _judged(collection, generation_id)
    async with collection.changing:
        row = _searchable(await database.read(get), generation_id)
        if row.status == "active":
            return None
        lane = collection.lane(generation_id)
        missed, notes = (row.misses or []) if row.status == "ready" else [], list(row.notes)
        if judged is not None:
            missed = [*(miss for miss in missed if miss["gate"] != NO_WORSE), *judged]
        if missed:
            figures = ", ".join(f"{m['metric']} is {m['value']}, {m['gate']} asks for {m['limit']}" for m in missed)
            if not force:
                raise GateFailed(f"generation {generation_id!r} does not pass its gate: {figures}", missed)
            notes.append(f"activated by force: {figures}")
        change = partial(generations.activate, collection_id=collection.id, generation_id=generation_id, notes=notes)
        await database.write(change)
        former, collection.active = collection.active, lane
        return former.id


def _searchable(row: Row[Any] | None, generation_id: str) -> Row[Any]:
    """Raises UnknownGeneration, and GenerationNotReady for one that cannot be activated."""
    if row is None:
        raise UnknownGeneration(f"this collection has no generation {generation_id!r}")
    if row.status not in generations.SEARCHABLE:
        raise GenerationNotReady(
            f"generation {generation_id!r} is {row.status}: only one that is ready or retired can be activated"
        )
    return row


async def _judged(collection: Collection, generation_id: str) -> list[dict[str, Any]] | None:
    """Misses of `no_worse_ndcg` against what is active now; None: it does not ask for that, or was activated before."""
    database = collection.resources.database
    row = await database.read(partial(generations.get, collection_id=collection.id, generation_id=generation_id))
    gate = Gate(**((row.gate if row is not None else None) or {}))
    if row is None or row.status != "ready" or not gate.no_worse_ndcg:
        return None
    judged = await database.read(partial(judgments.by_query, collection_id=collection.id))
    if not judged:
        return worse(gate, None, None)
    step = -(-len(judged) // MOST_JUDGED)
    some = {query: judged[query] for query in list(judged)[::step]}
    own, baseline = await beside_active(collection, collection.lane(generation_id), some, K)
    ndcg = None if baseline is None else await collection.in_thread(compare, own["ndcg"], baseline["ndcg"])
    return worse(gate, estimate(own["ndcg"]).mean, ndcg)
