"""Making another generation the active one: a row of the database, then a pointer. The way back is the same."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from retrieval import generations
from retrieval.errors import GateFailed, GenerationNotReady, UnknownGeneration
from retrieval.reach import reachable

if TYPE_CHECKING:
    from retrieval.collection import Collection


async def activate(collection: Collection, generation_id: str, *, force: bool = False) -> None:
    """Raises UnknownGeneration, GenerationNotReady, GateFailed (unless forced), EmbedderMismatch, IndexUnavailable.

    No search waits: those under way end in the generation that they began in.
    """
    database = collection.resources.database
    if generation_id not in collection.lanes and collection.beside is not None:
        await asyncio.shield(collection.beside)
    if generation_id in collection.lanes and generation_id != collection.active.id:
        await reachable(collection, collection.lanes[generation_id])
    async with collection.changing:
        row = await database.read(partial(generations.get, collection_id=collection.id, generation_id=generation_id))
        if row is None:
            raise UnknownGeneration(f"this collection has no generation {generation_id!r}")
        if row.status == "active":
            return
        if row.status not in generations.SEARCHABLE:
            raise GenerationNotReady(
                f"generation {generation_id!r} is {row.status}: only one that is ready or retired can be activated"
            )
        lane = collection.lane(generation_id)
        missed, notes = (row.misses or []) if row.status == "ready" else [], list(row.notes)
        if missed:
            figures = ", ".join(f"{m['metric']} is {m['value']}, {m['gate']} asks for {m['limit']}" for m in missed)
            if not force:
                raise GateFailed(f"generation {generation_id!r} does not pass its gate: {figures}", missed)
            notes.append(f"activated by force: {figures}")
        change = partial(generations.activate, collection_id=collection.id, generation_id=generation_id, notes=notes)
        await database.write(change)
        collection.active = lane
