"""One file into one collection: parse, chunk, embed, commit, index.

Vectors are stored as they are made, so an ingest cut short goes on where it stopped; the chunks become searchable in
one transaction at the end, so half a file is never found.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval import catalog, chunking
from retrieval.base import Embedder, Parsed
from retrieval.catalog import NewChunk
from retrieval.chunk_rows import text_hash
from retrieval.collection import Collection
from retrieval.contents import FileEntry
from retrieval.database import Database
from retrieval.errors import EmbedderFailed, LoadFailed, RetrievalError
from retrieval.generation import Batch
from retrieval.loaders.isolated import IsolatedLoader
from retrieval.vectors import read_vectors, write_vectors

if TYPE_CHECKING:
    from sqlalchemy import Row

    from retrieval.base import Vectors

log = logging.getLogger(__name__)

SLICE = 64
"""Chunks embedded between two commits of progress: some seconds of work on one core at most."""


class Superseded(Exception):
    """The file was deleted, cancelled or added anew while it was being read."""


@dataclass(frozen=True)
class Ingest:
    """What every ingest needs; `worker` runs the CPU work, one piece at a time, beside the searches."""

    database: Database
    loader: IsolatedLoader
    worker: ThreadPoolExecutor
    patience_s: float = 600.0
    """How long one batch of texts waits for an embedder that is a service."""

    async def run(self, collection: Collection, file_id: str, path: Path) -> None:
        """Bring a queued document to `completed` or `failed`. Cancelling leaves it queued for the next start."""
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
        sizes = chunking.from_strategy(row.chunking)
        digest, chunks = await self._work(_cut, parsed.text, sizes, parsed.media_type)
        await self.database.write(
            lambda db: catalog.set_progress(db, collection.id, row.file_id, row.attempt, 0, len(chunks))
        )
        try:
            await self._commit(collection, row, parsed, sizes, digest, chunks)
        except (Superseded, RetrievalError):
            # Nobody will come back for the vectors made so far, but for those that other chunks share.
            hashes = [c.text_sha256 for c in chunks]
            await self.database.write(lambda db: catalog.forget_vectors(db, hashes))
            raise

    async def _commit(
        self,
        collection: Collection,
        row: Row[Any],
        parsed: Parsed,
        sizes: chunking.Chunking,
        digest: str,
        chunks: Sequence[NewChunk],
    ) -> None:
        vectors = await self._embed(collection, row, chunks) if collection.generation.spec.dense else None
        terms = await self._work(_terms, chunks) if collection.generation.spec.lexical else None
        async with collection.changing:
            done = await self.database.write(
                lambda db: catalog.commit_document(
                    db,
                    collection.id,
                    row.file_id,
                    row.attempt,
                    sha256=digest,
                    chunking=sizes.key,
                    text=parsed.text,
                    title=parsed.title,
                    media_type=parsed.media_type,
                    chunks=chunks,
                )
            )
            if done is None:
                raise Superseded
            batch = _batch(done, chunks, terms, vectors) if done.fresh else None
            await collection.add_committed(FileEntry(row.file_id, row.filename, done.attributes), done, batch)

    async def _embed(self, collection: Collection, row: Row[Any], chunks: Sequence[NewChunk]) -> Vectors:
        import numpy as np

        embedder = collection.embedder
        vectors = np.empty((len(chunks), embedder.dimension), np.float32)
        for start in range(0, len(chunks), SLICE):
            some = chunks[start : start + SLICE]
            hashes = [c.text_sha256 for c in some]
            known = await self.database.read(lambda db, hashes=hashes: read_vectors(db, embedder, hashes))  # type: ignore[misc]
            lacking = {c.text_sha256: c.text for c in some if c.text_sha256 not in known}
            if lacking:
                made = await self._made(embedder, list(lacking.values()))
                new = dict(zip(lacking, made, strict=True))
                known |= new
                if not await self._store_progress(collection, row, new, start + len(some), len(chunks)):
                    raise Superseded
            for n, c in enumerate(some, start=start):
                vectors[n] = known[c.text_sha256]
        return vectors

    async def _made(self, embedder: Embedder, texts: Sequence[str]) -> Vectors:
        """The vectors of `texts`. A service that is overloaded or down is waited for: a file is not lost for it."""
        begun = time.monotonic()
        for attempt in itertools.count():
            try:
                made: Vectors = await self._work(lambda: embedder.embed(texts, kind="document"))
                return made
            except EmbedderFailed as error:
                pause = error.retry_after if error.retry_after is not None else min(60.0, 2.0**attempt)
                if not error.passing or time.monotonic() - begun + pause > self.patience_s:
                    raise
                log.warning("%s; ingest goes on in %.1f s", error, pause)
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")

    async def _store_progress(
        self, collection: Collection, row: Row[Any], new: dict[bytes, Any], done: int, total: int
    ) -> bool:
        def store(db: Any) -> bool:
            now = catalog.get_document(db, collection.id, row.file_id)
            if now is None or now.attempt != row.attempt or now.status != "in_progress":
                return False
            write_vectors(db, collection.embedder, new)
            catalog.set_progress(db, collection.id, row.file_id, row.attempt, done, total)
            return True

        return await self.database.write(store)

    async def _fail(self, row: Row[Any], code: str, message: str) -> None:
        await self.database.write(
            lambda db: catalog.end_document(db, row.collection_id, row.file_id, row.attempt, "failed", code, message)
        )

    async def _work(self, work: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.worker, work, *arguments)


def _cut(text: str, sizes: chunking.Chunking, media_type: str) -> tuple[str, list[NewChunk]]:
    """The text's sha256 and its chunks."""
    from retrieval.tokens import token_spans

    spans = chunking.chunks(text, sizes, token_spans, media_type)
    pieces = [(span, text[span.start : span.end]) for span in spans]
    chunks = [NewChunk(span.start, span.end, piece, text_hash(piece)) for span, piece in pieces]
    return hashlib.sha256(text.encode("utf-8")).hexdigest(), chunks


def _terms(chunks: Sequence[NewChunk]) -> list[list[str]]:
    from retrieval.analysis import terms

    return [terms(c.text) for c in chunks]


def _batch(
    done: catalog.Committed, chunks: Sequence[NewChunk], terms: list[list[str]] | None, vectors: Vectors | None
) -> Batch:
    import numpy as np

    ids = np.arange(done.first, done.first + done.count, dtype=np.int64)
    return Batch(ids, [c.text for c in chunks], terms, vectors)
