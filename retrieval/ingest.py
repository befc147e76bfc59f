"""One file into one collection: parse, chunk, embed, commit, index.

Vectors of a long file are stored as they are made, so an ingest cut short goes on where it stopped; the chunks become
searchable in one transaction at the end, so half a file is never found.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from retrieval import catalog, chunking, orphans
from retrieval.base import Embedder, Parsed
from retrieval.catalog import NewChunk, Place, Text
from retrieval.collection import Collection
from retrieval.contents import FileEntry
from retrieval.cutting import cut
from retrieval.database import Database
from retrieval.embedding import SLICE, Embedding
from retrieval.errors import LoadFailed, RetrievalError
from retrieval.generation import Batch
from retrieval.loaders.isolated import IsolatedLoader
from retrieval.opening import fail
from retrieval.reach import reachable
from retrieval.vectors import write_vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy import Connection, Row

    from retrieval.base import Vectors
    from retrieval.chunking import Chunking
    from retrieval.lanes import Lane

    Vector = NDArray[np.float32]

log = logging.getLogger(__name__)


class Superseded(Exception):
    """The file was deleted, cancelled or added anew while it was being read."""


class Ready(NamedTuple):
    """What a lane needs to index the chunks of a file."""

    vectors: Vectors | None
    terms: list[list[str]] | None


Unstored = dict[int, tuple[Embedder, dict[bytes, "Vector"]]]
"""By the embedder's id: its vectors of a file that are stored with it."""


@dataclass(frozen=True)
class Ingest:
    """What every ingest needs; `worker` runs the CPU work, one piece at a time, beside the searches."""

    database: Database
    loader: IsolatedLoader
    worker: ThreadPoolExecutor
    patience_s: float = 600.0
    """How long one batch of texts waits for an embedder that is a service; a tenth of it, if its generation is not the
    active one."""

    async def run(self, collection: Collection, file_id: str, path: Path) -> None:
        """Bring a queued document, if there is one, to `completed` or `failed`. Cancelling leaves it queued for the
        next start."""
        row = await self.database.read(lambda db: catalog.get_document(db, collection.id, file_id))
        if row is None or row.status != "in_progress":
            return
        try:
            parsed = await self.loader.load(path, row.filename)
            await self._index(collection, row, parsed)
        except Superseded:
            log.info("ingest of %s into %s was superseded", file_id, collection.id)
        except LoadFailed as error:
            await self._fail(row, error.code, str(error))
        except RetrievalError as error:
            await self._fail(row, "server_error", str(error))
        except Exception as error:
            log.exception("ingest of %s into %s failed", file_id, collection.id)
            await self._fail(row, "server_error", f"internal error ({type(error).__name__}); see the log")

    async def refuse(self, collection_id: str, file_id: str, why: str) -> None:
        """Fail a queued document whose collection cannot be used."""
        row = await self.database.read(lambda db: catalog.get_document(db, collection_id, file_id))
        if row is not None:
            await self._fail(row, "server_error", why)

    async def _index(self, collection: Collection, row: Row[Any], parsed: Parsed) -> None:
        own = chunking.from_strategy(row.chunking)
        digest, chunks = await self._work(cut, parsed.text, own, parsed.media_type)
        text = Text(digest, parsed.text, parsed.title, parsed.media_type)
        cuts: dict[str, list[NewChunk]] = {own.key: chunks}
        unstored: Unstored = {}
        if len(chunks) > SLICE:  # else it is done before anybody asks how far it is
            await self.database.write(
                lambda db: catalog.set_progress(db, collection.id, row.file_id, row.attempt, 0, len(chunks))
            )
        try:
            while True:
                lanes = list(collection.lanes.values())
                batches = await self._prepare(collection, row, lanes, own, text, cuts, unstored)
                async with collection.changing:
                    if lanes == list(collection.lanes.values()):
                        await self._commit(collection, row, own, text, cuts, batches, unstored)
                        return
                # A generation has come or gone meanwhile; what was embedded is kept, so little is done again.
        except (Superseded, RetrievalError):
            # Nobody will come back for the vectors made so far, but for those that other chunks share.
            hashes = [c.text_sha256 for chunks in cuts.values() for c in chunks]
            await self.database.write(lambda db: orphans.forget_vectors(db, hashes))
            raise

    async def _commit(
        self, collection: Collection, row: Row[Any], own: Chunking, text: Text,
        cuts: Mapping[str, Sequence[NewChunk]], ready: Mapping[str, Ready], unstored: Unstored,
    ) -> None:  # fmt: skip
        place_of = collection.id, row.file_id, row.attempt

        def commit(db: Connection) -> catalog.Committed | None:
            done = catalog.commit_document(db, *place_of, text, own.key, cuts)
            for embedder, vectors in unstored.values() if done is not None else ():
                write_vectors(db, embedder, vectors)
            return done

        done = await self.database.write(commit)
        if done is None:
            raise Superseded
        batches = {}
        for lane in collection.lanes.values():
            if lane.id in ready:
                place = done.own if lane.chunking is None else done.views[lane.chunking]
                batches[lane.id] = _batch(place, cuts[lane.chunking or own.key], ready[lane.id])
        await collection.add_committed(FileEntry(row.file_id, row.filename, done.attributes), done, batches)
        # Last: who reads `completed` may search at once, and the indexes take a while.
        await self.database.write(lambda db: catalog.complete_document(db, *place_of))

    async def _prepare(
        self, collection: Collection, row: Row[Any], lanes: Sequence[Lane], own: Chunking, text: Text,
        cuts: dict[str, list[NewChunk]], unstored: Unstored,
    ) -> dict[str, Ready]:  # fmt: skip
        """For every lane the vectors and terms of its chunks; chunkings that `cuts` lacks are added to it.

        An embedder that fails makes the generation fail that needs it; if that is the active one, the file.
        """
        ready: dict[str, Ready] = {}
        terms: dict[str, list[list[str]]] = {}
        for lane in lanes:
            if lane.chunking is not None and lane.chunking not in cuts:
                sizes = chunking.from_key(lane.chunking)
                cuts[lane.chunking] = (await self._work(cut, text.text, sizes, text.media_type))[1]
            key = lane.chunking or own.key
            spec = lane.generation.spec
            if spec.lexical and key not in terms:
                terms[key] = await self._work(_terms, cuts[key])
            if lane.refusal is not None:
                if lane is collection.active:
                    raise lane.refusal
                continue
            if lane is collection.active:
                await reachable(collection, lane)
            try:
                patience, told = self.patience_s / 10, None
                if lane is collection.active:
                    patience, told = self.patience_s, partial(self._store_progress, collection, row)
                embedder = lane.generation.embedder
                _, held = unstored.setdefault(id(embedder), (embedder, {}))
                embedding = Embedding(self.database, self.worker, embedder, patience, held)
                vectors = await embedding.of(cuts[key], told) if spec.dense is not None else None
            except RetrievalError as error:
                if lane is collection.active:
                    raise
                await fail(collection, lane.id, f"its embedder failed on {row.filename!r}: {error}")
                continue
            ready[lane.id] = Ready(vectors, terms.get(key) if spec.lexical else None)
        return ready

    async def _store_progress(self, collection: Collection, row: Row[Any], done: int, total: int) -> None:
        def store(db: Any) -> bool:
            now = catalog.get_document(db, collection.id, row.file_id)
            if now is None or now.attempt != row.attempt or now.status != "in_progress":
                return False
            catalog.set_progress(db, collection.id, row.file_id, row.attempt, done, total)
            return True

        if not await self.database.write(store):
            raise Superseded

    async def _fail(self, row: Row[Any], code: str, message: str) -> None:
        await self.database.write(
            lambda db: catalog.end_document(db, row.collection_id, row.file_id, row.attempt, "failed", code, message)
        )

    async def _work(self, work: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.worker, work, *arguments)


def _terms(chunks: Sequence[NewChunk]) -> list[list[str]]:
    from retrieval.analysis import terms

    return [terms(c.text) for c in chunks]


def _batch(place: Place, chunks: Sequence[NewChunk], ready: Ready) -> Batch:
    import numpy as np

    ids = np.arange(place.first, place.first + place.count, dtype=np.int64)
    return Batch(ids, [c.text for c in chunks], ready.terms, ready.vectors)
