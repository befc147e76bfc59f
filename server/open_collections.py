"""The collections that are loaded: each is opened once, on first use, and stays open."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from retrieval import catalog
from retrieval.base import Embedder
from retrieval.collection import Collection, open_collection
from retrieval.database import Database
from retrieval.embedders.batching import QueryBatcher


class OpenCollections:
    """`embedder` loads an embedder by its spec; each is loaded once and shares one query batcher."""

    def __init__(
        self,
        database: Database,
        embedder: Callable[[str], Embedder],
        searchers: ThreadPoolExecutor,
        directory: Path,
    ) -> None:
        self._database = database
        self._load = embedder
        self._searchers = searchers
        self._directory = directory
        self._opening: dict[str, asyncio.Task[Collection]] = {}
        self._embedders: dict[str, tuple[Embedder, QueryBatcher]] = {}

    async def get(self, collection_id: str) -> Collection:
        """The collection, opened if it is not. The caller has checked that it exists."""
        task = self._opening.get(collection_id)
        if task is None:
            task = asyncio.create_task(self._open(collection_id))
            self._opening[collection_id] = task
        try:
            return await asyncio.shield(task)
        except Exception:
            self._opening.pop(collection_id, None)
            raise

    def embedder(self, spec: str) -> tuple[Embedder, QueryBatcher]:
        if spec not in self._embedders:
            embedder = self._load(spec)
            self._embedders[spec] = (embedder, QueryBatcher(embedder))
        return self._embedders[spec]

    async def delete(self, collection_id: str) -> None:
        """Remove a collection and all that was made for it."""
        task = self._opening.pop(collection_id, None)
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)
        await self._database.write(lambda db: catalog.delete_collection(db, collection_id))
        path = self._directory / collection_id
        await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)

    async def close(self) -> None:
        for task in self._opening.values():
            if task.done() and task.exception() is None:
                await task.result().close()
        for _, queries in self._embedders.values():
            await queries.aclose()

    async def _open(self, collection_id: str) -> Collection:
        spec = (await self._database.read(lambda db: catalog.active_generation(db, collection_id))).embedder
        embedder, queries = self.embedder(spec)
        directory = self._directory
        return await open_collection(collection_id, self._database, embedder, queries, self._searchers, directory)
