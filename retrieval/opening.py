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


def look_again(collection: Collection) -> None:
    """Begin to load anew what could not be because its model was away, if that was a while ago. Nobody waits for it: a
    service that hangs takes minutes to be given up."""
    if collection.beside is None or not collection.beside.done() or time.monotonic() - collection.tried < AGAIN_S:
        return
    if any(lane.is_away for lane in collection.lanes.values()):
        _load_rest(collection)


def _load_rest(collection: Collection) -> None:
    collection.coming = None
    collection.beside = asyncio.create_task(_open_rest(collection), name=f"open the rest of {collection.id}")


def note_model(db: Any, lane: Lane) -> None:
    """Of a lane that needs a model, and has it."""
    if lane.generation.spec.dense is None or lane.refusal is not None:
        return
    embedder = lane.generation.embedder
    generations.change(db, lane.id, fingerprint=embedder.fingerprint, dimension=embedder.dimension)


def _open(row: Row[Any], lane: Lane, view: Contents, resources: Resources, pace: Pace | None) -> None:
    try:
        with _excused(row, lane):
            if lane.generation.spec.dense is not None:
                check_embedder(row, lane.generation.embedder)
    except EmbedderMismatch as error:
        lane.refusal = error
    if lane.refusal is None:
        with _excused(row, lane):
            lane.generation.open(every(view), lambda ids: missing(lane, resources, ids, pace), pace)


@contextmanager
def _excused(row: Row[Any], lane: Lane) -> Iterator[None]:
    """What is away: a generation that was built catches up when its engine is back (`retrieval.reach`), and is loaded
    anew when its model may be. One that was not built fails."""
    try:
        yield
    except IndexUnavailable as error:
        if row.status not in generations.SEARCHABLE:
            raise
        log.warning("generation %s of %s is not there yet: %s", row.id, row.collection_id, error)
    except (EmbedderMissing, EmbedderFailed) as error:
        if row.status not in generations.SEARCHABLE:
            raise
        log.warning("generation %s of %s cannot be searched: %s", row.id, row.collection_id, error)
        lane.refusal = EmbedderAway(
            f"generation {row.id!r} needs the embedder {row.embedder!r}, which cannot be used now: {error}. Bring it "
            "back, or activate another generation"
        )


async def _open_rest(collection: Collection) -> None:
    try:
        rows = await collection.resources.database.read(lambda db: generations.of_collection(db, collection.id))
        waiting = [row for row in rows if row.status in generations.SEARCHABLE and _is_wanted(collection, row.id)]
        _came(collection, {row.id for row in waiting})
        # Those that were away last: a service that hangs must not keep the others from being loaded.
        for row in sorted(waiting, key=lambda row: row.id in collection.lanes):
            await _open_one(collection, row)
            if collection.pace.stopped:
                return
            _came(collection, (collection.coming or set()) - {row.id})
    finally:
        collection.tried = time.monotonic()
        _came(collection, set())
    collection.fold_soon()


def _is_wanted(collection: Collection, id: str) -> bool:
    lane = collection.lanes.get(id)
    return lane is None or lane.is_away


def _came(collection: Collection, coming: set[str]) -> None:
    collection.coming = coming
    collection.step.set()
    collection.step = asyncio.Event()


async def _open_one(collection: Collection, row: Row[Any]) -> None:
    try:
        lane = await join(collection, row, collection.pace)
        if row.fingerprint is None:
            await collection.resources.database.write(partial(note_model, lane=lane))
    except Stopped:
        pass  # the collection is closed, or this one was deleted meanwhile
    except RetrievalError as error:
        await fail(collection, row.id, str(error))
    except OSError as error:
        # Deleted while its files were read; or the disk fails, and the next start may have more luck.
        log.warning("generation %s of %s was not loaded: %s", row.id, collection.id, error)


async def join(collection: Collection, row: Row[Any], pace: Pace) -> Lane:
    """Load or build a generation until it has all and receives every write.

    Raises Stopped; of one that was never built also EmbedderMissing, what an embedder raises, and IndexUnavailable.
    """
    lane, is_new = lane_of(row, collection.resources), row.status not in generations.SEARCHABLE
    work = collection.building if is_new else collection.opening
    view = await _view(collection, lane, row, pace)
    await work(_open, row, lane, view, collection.resources, pace)
    former = collection.lanes.get(lane.id)
    if lane.is_away and former is not None and former.is_away:
        former.refusal = lane.refusal
        return former  # nothing has changed: what is under way with the lanes there are goes on
    lacking = partial(missing, lane, collection.resources, pace=pace)
    if lane.refusal is None:
        if is_new:
            await work(partial(lane.generation.fold_if_due, at_least=1, pace=pace))
        with _excused(row, lane):
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
            with _excused(row, lane):
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
    if generation_id == collection.active.id:
        return
    collection.drop_lane(generation_id)
    await collection.resources.database.write(
        partial(generations.end, generation_id=generation_id, status="failed", error=why)
    )
