"""Files waiting to be read into collections. The database is the queue; this only keeps it moving.

A restart finds what was `in_progress` and goes on with it. Two files are under way at once, so that one is parsed while
the other is embedded; the embedding itself is one thread, which leaves the other cores to searches.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from retrieval import catalog
from retrieval.database import Database
from retrieval.errors import RetrievalError
from retrieval.ingest import Ingest
from server.errors import ApiError
from server.open_collections import OpenCollections
from server.storage.blobs import Blobs

log = logging.getLogger(__name__)

AT_ONCE = 2


class IngestQueue:
    def __init__(self, database: Database, collections: OpenCollections, blobs: Blobs, ingest: Ingest) -> None:
        self._database = database
        self._collections = collections
        self._blobs = blobs
        self._ingest = ingest
        self._waiting: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._workers: list[asyncio.Task[None]] = []

    async def start(self) -> int:
        """Begin to work, first on what an earlier process left unfinished; returns how much that is."""
        left = await self._database.read(catalog.unfinished_documents)
        for item in left:
            self._waiting.put_nowait(item)
        self._workers = [asyncio.create_task(self._work(), name=f"ingest-{n}") for n in range(AT_ONCE)]
        return len(left)

    def put(self, collection_id: str, file_id: str) -> None:
        """Announce a document that the database holds as `in_progress`."""
        self._waiting.put_nowait((collection_id, file_id))

    async def stop(self) -> None:
        """Stop at once; what is unfinished stays in the database for the next start."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            collection_id, file_id = await self._waiting.get()
            try:
                await self._one(collection_id, file_id)
            except Exception:
                # Not even its failure could be recorded (a full disk); it stays queued for the next start.
                log.exception("ingest of %s into %s could not be done", file_id, collection_id)

    async def _one(self, collection_id: str, file_id: str) -> None:
        get = partial(catalog.get_document, collection_id=collection_id, file_id=file_id)
        if self._collections.loaded(collection_id) is None and await self._database.read(get) is None:
            return
        try:
            collection = await self._collections.get(collection_id)
        except (RetrievalError, ApiError) as error:
            await self._ingest.refuse(collection_id, file_id, f"the vector store cannot be opened: {error}")
            return
        await self._ingest.run(collection, file_id, self._blobs.path(file_id))
