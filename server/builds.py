"""Generations waiting to be built, one after the other. The database is the queue; this only keeps it moving."""

from __future__ import annotations

import asyncio
import logging
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval import generations
from retrieval.build import build
from retrieval.database import Database
from retrieval.errors import RetrievalError
from retrieval.opening import fail
from retrieval.pace import Pace, Stopped, short_turns
from server.errors import ApiError
from server.open_collections import OpenCollections

if TYPE_CHECKING:
    from sqlalchemy import Row

log = logging.getLogger(__name__)

ATTEMPTS = 3
"""Ends of the service, none of them a stop, with nothing stored between, after which a build is given up."""


class Builds:
    def __init__(self, database: Database, collections: OpenCollections, share: float) -> None:
        self._database = database
        self._collections = collections
        self._share = share
        self._waiting: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None
        self._current: tuple[str, Pace, asyncio.Future[None]] | None = None
        self._progress: tuple[int, int] = (0, 0)
        self._stopping = False

    async def start(self, directory: Path) -> int:
        """Remove what belongs to no generation, and go on with what an earlier process left; returns how much."""
        known = await self._database.read(generations.all_ids)
        await asyncio.to_thread(_sweep, directory, known)
        rows = await self._database.read(generations.unfinished)
        for row in rows:
            self.put(row.collection_id, row.id)
        self._worker = asyncio.create_task(self._work(), name="builds")
        return len(rows)

    def put(self, collection_id: str, generation_id: str) -> None:
        """Announce a generation that the database holds as `queued`."""
        self._waiting.put_nowait((collection_id, generation_id))

    def progress(self, generation_id: str) -> tuple[int, int] | None:
        """(done, total) of the step that is under way, if this generation is being built."""
        return self._progress if self._current is not None and self._current[0] == generation_id else None

    async def cancel(self, collection_id: str, generation_id: str) -> bool:
        """End a build; False if it has come to its end. Returns once nothing of it is at work any more."""
        ended = await self._database.write(
            partial(generations.end, generation_id=generation_id, status="cancelled", only=generations.UNFINISHED)
        )
        if ended:
            await self._halt(generation_id)
            await self._collections.drop_generation(collection_id, generation_id)
        return ended

    async def forget(self, collection_id: str) -> None:
        """End what is being built for a collection that is going away."""
        rows = await self._database.read(partial(generations.of_collection, collection_id=collection_id))
        for row in rows:
            if row.status in generations.UNFINISHED:
                await self.cancel(collection_id, row.id)

    async def stop(self) -> None:
        """Stop at once; what is unfinished stays in the database for the next start."""
        self._stopping = True
        if self._current is not None:
            await self._halt(self._current[0])
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)

    async def _halt(self, generation_id: str) -> None:
        if self._current is not None and self._current[0] == generation_id:
            _, pace, ended = self._current
            pace.stop()
            await ended

    async def _work(self) -> None:
        while True:
            collection_id, generation_id = await self._waiting.get()
            pace, ended = Pace(self._share, self._told), asyncio.get_running_loop().create_future()
            self._progress, self._current = (0, 0), (generation_id, pace, ended)
            try:
                with short_turns():
                    await self._one(collection_id, generation_id, pace)
            except Stopped:
                log.info("the build of %s was stopped", generation_id)
            except Exception:
                # Not even its failure could be recorded (a full disk); it stays queued for the next start.
                log.exception("generation %s could not be built", generation_id)
            finally:
                self._current = None
                ended.set_result(None)
            if self._stopping:
                return

    def _told(self, done: int, total: int) -> None:
        self._progress = (done, total)

    async def _one(self, collection_id: str, generation_id: str, pace: Pace) -> None:
        row = await self._database.read(
            partial(generations.get, collection_id=collection_id, generation_id=generation_id)
        )
        if row is None or row.status not in generations.UNFINISHED:
            return
        try:
            collection = await self._collections.get(collection_id)
        except (RetrievalError, ApiError) as error:
            await self._give_up(row, f"the vector store cannot be opened: {error}")
            return
        try:
            if row.attempts >= ATTEMPTS:
                raise RetrievalError(
                    f"the service ended {row.attempts} times while this generation was being built, and got no further"
                )
            await build(collection, row, pace)
        except Stopped:
            raise
        except RetrievalError as error:
            await fail(collection, generation_id, str(error))
            await self._collections.drop_generation(collection_id, generation_id)
        except Exception as error:
            log.exception("the build of %s failed", generation_id)
            await fail(collection, generation_id, f"internal error ({type(error).__name__}: {error}); see the log")
            await self._collections.drop_generation(collection_id, generation_id)

    async def _give_up(self, row: Row[Any], why: str) -> None:
        await self._database.write(partial(generations.end, generation_id=row.id, status="failed", error=why))


def _sweep(directory: Path, known: set[tuple[str, str]]) -> None:
    """Folders of generations and collections that a kill left behind."""
    collections = {collection for collection, _ in known}
    for folder in directory.glob("*"):
        for inner in folder.glob("*"):
            if (folder.name, inner.name) not in known:
                shutil.rmtree(inner, ignore_errors=True)
        if folder.name not in collections:
            shutil.rmtree(folder, ignore_errors=True)
