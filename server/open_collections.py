"""The collections that are loaded: each is opened once, on first use, and stays open."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy.exc import NoResultFound

from retrieval import catalog, generations
from retrieval.base import Embedder
from retrieval.collection import Collection
from retrieval.database import Database
from retrieval.embedders.batching import QueryBatcher
from retrieval.embedders.load import is_folder
from retrieval.opening import look_again, open_collection
from retrieval.pace import Pace
from retrieval.resources import Resources
from server.errors import not_found
from server.leftover_tables import LeftoverTables
from server.storage import files

if TYPE_CHECKING:
    from sqlalchemy import Connection

CLOSE_S = 5.0
"""That a stop may take to write the indexes of all collections: a graph or lists may need minutes."""


class OpenCollections:
    """`embedder` loads an embedder by its spec; each is loaded once and shares one query batcher."""

    def __init__(
        self,
        database: Database,
        embedder: Callable[[str], Embedder],
        searchers: ThreadPoolExecutor,
        builder: ThreadPoolExecutor,
        directory: Path,
        build_share: float,
        leftover: LeftoverTables,
    ) -> None:
        self._database = database
        self._load = embedder
        self.postgres = leftover.postgres
        self._leftover = leftover
        self._resources = Resources(
            database, self.embedder, searchers, builder, directory, build_share, postgres=self.postgres
        )
        self._opening: dict[str, asyncio.Task[Collection]] = {}
        self._embedders: dict[str, tuple[Embedder, QueryBatcher]] = {}
        self._names = set[str]()
        """Of those in `_embedders`, what was no folder then."""
        self._loading = Lock()

    async def get(self, collection_id: str) -> Collection:
        """The collection, opened if it is not. The caller has checked that it exists."""
        task = self._opening.get(collection_id)
        if task is None:
            task = asyncio.create_task(self._open(collection_id), name=f"open {collection_id}")
            self._opening[collection_id] = task
            task.add_done_callback(lambda done: self._forget_failed(collection_id, done))
        collection = await asyncio.shield(task)
        look_again(collection)
        return collection

    def loaded(self, collection_id: str) -> Collection | None:
        """The collection, if it is open already."""
        task = self._opening.get(collection_id)
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return None
        return task.result()

    def embedder(self, spec: str) -> tuple[Embedder, QueryBatcher]:
        """Cheap: the model itself is loaded on its first use. May be called from any thread."""
        with self._loading:
            # A folder may have come since: what is in it has another runtime, and so another fingerprint, than a name.
            came = spec in self._names and is_folder(spec)
            if spec not in self._embedders or came:
                embedder = self._load(spec)
                self._embedders[spec] = (embedder, QueryBatcher(embedder))
                self._names.discard(spec)
                if not is_folder(spec):
                    self._names.add(spec)
            return self._embedders[spec]

    def forget_embedders(self, gone: Callable[[str], bool]) -> None:
        """Whoever asks for one of these next has it loaded anew, or is told that it is gone."""
        with self._loading:
            for spec in [spec for spec in self._embedders if gone(spec)]:
                del self._embedders[spec]

    async def delete(self, collection_id: str) -> None:
        """Remove a collection and all that was made for it."""

        def remove(db: Connection) -> None:
            files.delete_batches(db, collection_id)
            catalog.delete_collection(db, collection_id)

        # From the database first: whoever comes later finds nothing to open.
        await self._database.write(remove)
        task = self._opening.pop(collection_id, None)
        if task is not None:
            (opened,) = await asyncio.gather(task, return_exceptions=True)
            if isinstance(opened, Collection):
                await opened.stop()
        self._leftover.soon()
        path = self._resources.directory / collection_id
        await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)

    async def delete_generation(self, collection_id: str, generation_id: str) -> bool:
        """Remove a generation that is not active, and all that was made for it. False if it is active, or gone."""
        collection = await self.get(collection_id)
        async with collection.changing:
            remove = partial(generations.remove, collection_id=collection_id, generation_id=generation_id)
            if not await self._database.write(remove):
                return False
            await self.drop_generation(collection_id, generation_id)
        return True

    async def drop_generation(self, collection_id: str, generation_id: str) -> None:
        """Let go of a generation that the database has given up, and of its files."""
        if collection_id in self._opening:
            (await self.get(collection_id)).drop_lane(generation_id)
        self._leftover.soon()
        path = self._resources.directory / collection_id / generation_id
        await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)

    async def close(self) -> None:
        opened = await asyncio.gather(*self._opening.values(), return_exceptions=True)
        pace = Pace(seconds=CLOSE_S)
        for collection in opened:
            if isinstance(collection, Collection):
                await collection.close(pace)
        for _, queries in self._embedders.values():
            await queries.aclose()
        await asyncio.to_thread(self._resources.rerankers.close)
        await asyncio.to_thread(self._resources.openers.shutdown)

    def _forget_failed(self, collection_id: str, done: asyncio.Task[Collection]) -> None:
        if (done.cancelled() or done.exception() is not None) and self._opening.get(collection_id) is done:
            del self._opening[collection_id]

    async def _open(self, collection_id: str) -> Collection:
        try:
            return await open_collection(collection_id, self._resources)
        except NoResultFound:
            raise not_found("vector store", collection_id, "vector_store_id") from None
