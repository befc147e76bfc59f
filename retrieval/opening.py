"""Loading a collection: its active generation at once, the others behind it, each brought in line with the database."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from retrieval import catalog, chunk_rows, generations
from retrieval.chunking import from_strategy
from retrieval.collection import Collection
from retrieval.cutting import cut
from retrieval.errors import (
    EmbedderAway,
    EmbedderFailed,
    EmbedderMismatch,
    EmbedderMissing,
    IndexUnavailable,
    RetrievalError,
)
from retrieval.lanes import Lane, check_embedder, every, lane_of, missing, read_view
from retrieval.pace import Pace, Stopped
from retrieval.resources import Resources

if TYPE_CHECKING:
    from sqlalchemy import Row

    from retrieval.base import Ids
    from retrieval.chunking import Chunking
    from retrieval.contents import Contents
    from retrieval.generation import Batch

log = logging.getLogger(__name__)

AGAIN_S = 5.0
"""After which a model that was away is worth another try."""
FEW = 64
"""Chunks that a lane may lack when writes are made to wait for it: less than a second of embedding."""


async def open_collection(id: str, resources: Resources) -> Collection:
    """Load a collection's active generation and bring it in line with the database; the others follow."""
    database = resources.database
    row = await database.read(lambda db: catalog.active_generation(db, id))
    lane = lane_of(row, resources)
    view = await database.read(lambda db: read_view(db, id, lane.chunking))
    await asyncio.get_running_loop().run_in_executor(resources.searchers, _open, row, lane, view, resources, None)
    if row.fingerprint is None:
        await database.write(partial(note_model, lane=lane))
    lane.contents = view
    collection = Collection(id, lane, resources)
    _load_rest(collection)
    return collection


async def look_again(collection: Collection) -> None:
    """Load anew what could not be because its model was away, if that was a while ago. Returns once the active
    generation is loaded, or still cannot be: its `refusal` says so."""
    if not any(lane.is_away for lane in collection.lanes.values()):
        return
    assert collection.beside is not None
    if collection.beside.done() and time.monotonic() - collection.tried >= AGAIN_S:
        _load_rest(collection)
    if collection.active.is_away:
        await asyncio.shield(collection.beside)


def _load_rest(collection: Collection) -> None:
    collection.tried = time.monotonic()
    collection.beside = asyncio.create_task(_open_rest(collection), name=f"open the rest of {collection.id}")


def note_model(db: Any, lane: Lane) -> None:
    """Of a lane that needs a model, and has it."""
    if lane.generation.spec.dense is None or lane.refusal is not None:
        return
    embedder = lane.generation.embedder
    generations.change(db, lane.id, fingerprint=embedder.fingerprint, dimension=embedder.dimension)


def _open(row: Row[Any], lane: Lane, view: Contents, resources: Resources, pace: Pace | None) -> None:
    try:
        if lane.generation.spec.dense is not None:
            check_embedder(row, lane.generation.embedder)
    except EmbedderMismatch as error:
        lane.refusal = error
    except (EmbedderMissing, EmbedderFailed) as error:
        _let_wait(row, lane, error)
    if lane.refusal is not None:
        return
    try:
        with _excused(row):
            lane.generation.open(every(view), lambda ids: missing(lane, resources, ids, pace), pace)
    except (EmbedderMissing, EmbedderFailed) as error:
        _let_wait(row, lane, error)


def _let_wait(row: Row[Any], lane: Lane, error: EmbedderMissing | EmbedderFailed) -> None:
    """A generation that was built can be searched again once its model is back. Raises `error` for one that was not."""
    if row.status not in generations.SEARCHABLE:
        raise error
    log.warning("generation %s of %s cannot be searched: %s", row.id, row.collection_id, error)
    lane.refusal = EmbedderAway(
        f"generation {row.id!r} needs the embedder {row.embedder!r}, which cannot be used now: {error}. Bring it back, "
        "or activate another generation"
    )


@contextmanager
def _excused(row: Row[Any]) -> Iterator[None]:
    """An engine that is away: a generation that was built catches up when it is back (`retrieval.reach`)."""
    try:
        yield
    except IndexUnavailable as error:
        if row.status not in generations.SEARCHABLE:
            raise
        log.warning("generation %s of %s is not there yet: %s", row.id, row.collection_id, error)


async def _open_rest(collection: Collection) -> None:
    rows = await collection.resources.database.read(lambda db: generations.of_collection(db, collection.id))
    for row in sorted(rows, key=lambda row: row.id != collection.active.id):
        lane = collection.lanes.get(row.id)
        if row.status not in generations.SEARCHABLE or (lane is not None and not lane.is_away):
            continue
        try:
            lane = await join(collection, row, collection.pace)
            if row.fingerprint is None:
                await collection.resources.database.write(partial(note_model, lane=lane))
        except Stopped:
            if collection.pace.stopped:
                return
            # This one was deleted meanwhile.
        except RetrievalError as error:
            await fail(collection, row.id, str(error))
        except OSError as error:
            # Deleted while its files were read; or the disk fails, and the next start may have more luck.
            log.warning("generation %s of %s was not loaded: %s", row.id, collection.id, error)
    collection.fold_soon()


async def join(collection: Collection, row: Row[Any], pace: Pace) -> Lane:
    """Load or build a generation until it has all and receives every write.

    Raises Stopped; of one that was never built also EmbedderMissing, what an embedder raises, and IndexUnavailable.
    """
    lane, is_new = lane_of(row, collection.resources), row.status not in generations.SEARCHABLE
    work = collection.building if is_new else collection.opening
    view = await _view(collection, lane, row, pace)
    await work(_open, row, lane, view, collection.resources, pace)
    if lane.refusal is None:
        if is_new:
            await work(partial(lane.generation.fold_if_due, at_least=1, pace=pace))
        lacking = partial(missing, lane, collection.resources, pace=pace)
        with _excused(row):
            while not lane.generation.behind:
                view = await _view(collection, lane, row, pace)
                if await work(_reconcile, lane, view, lacking) <= FEW:
                    break
    async with collection.changing:
        get = partial(generations.get, collection_id=collection.id, generation_id=lane.id)
        now = await collection.resources.database.read(get)
        if now is None or now.status not in (*generations.SEARCHABLE, *generations.UNFINISHED):
            raise Stopped  # deleted or cancelled meanwhile
        view = await _view(collection, lane, row, pace)
        if lane.refusal is None and not lane.generation.behind:
            # Not on the one thread for builds: another's may take long, and every write to the collection waits.
            with _excused(row):
                await collection.in_thread(_reconcile, lane, view, lacking)
        lane.contents = collection.views.setdefault(lane.chunking, view)
        collection.lanes[lane.id] = lane
        if collection.active.id == lane.id:
            collection.active = lane
    return lane


def _reconcile(lane: Lane, view: Contents, lacking: Callable[[Ids], Iterator[Batch]]) -> int:
    return lane.generation.reconcile(every(view), lacking)


async def _view(collection: Collection, lane: Lane, row: Row[Any], pace: Pace) -> Contents:
    """The collection's contents as the lane sees them; texts that are not cut in its way yet are cut.

    Those that another lane sees alike are in memory: to read them takes some 20 us a file of the interpreter's time."""
    if lane.chunking is not None:
        await _cut_all(collection, from_strategy(row.chunking), pace)
    if lane.chunking in collection.views:
        return collection.views[lane.chunking]
    return await collection.resources.database.read(lambda db: read_view(db, collection.id, lane.chunking))


async def _cut_all(collection: Collection, sizes: Chunking, pace: Pace) -> None:
    database, uncut = collection.resources.database, partial(chunk_rows.uncut, chunking=sizes.key, limit=16)
    while rows := await database.read(lambda db: uncut(db, collection.id)):
        for row in rows:
            _, chunks = await collection.in_thread(cut, row.text, sizes, row.media_type)
            await database.write(partial(catalog.put_cut, content_id=row.id, chunking=sizes.key, chunks=chunks))
            await collection.in_thread(pace.keep)
            await collection.in_thread(pace.slice)


async def fail(collection: Collection, generation_id: str, why: str) -> None:
    """Give up a generation that is not the active one; what it is of can be built again."""
    log.warning("generation %s of %s failed: %s", generation_id, collection.id, why)
    collection.drop_lane(generation_id)
    await collection.resources.database.write(
        partial(generations.end, generation_id=generation_id, status="failed", error=why)
    )
