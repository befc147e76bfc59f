"""A collection at work: text in, hits out. The async face of the database, the contents map and the generation.

Order of changes, so that a search never finds what is not there: an addition is committed to the database first and
indexed after; a removal leaves the index first and the database after. What was acknowledged survives kill -9, since
the index is brought in line with the database when it is opened.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from retrieval import catalog, chunk_rows, filters
from retrieval.base import AttributeValue, Hit, StageScores
from retrieval.contents import Content, Contents, FileEntry
from retrieval.embedders.batching import QueryBatcher
from retrieval.generation import FOLD_AT_LEAST, Batch, Generation
from retrieval.indexes.spec import parse
from retrieval.pace import Pace, Stopped
from retrieval.resources import Resources

if TYPE_CHECKING:
    from retrieval.base import Ids
    from retrieval.filters import Predicate
    from retrieval.indexes.hybrid import Ranked

log = logging.getLogger(__name__)

READ = 2_000
"""Characters of a query that the dense half looks at, some windows of the embedder. A longer query is a text of its
own, which would hold up all other searches; the lexical half looks at all of it."""
FOLD_AT_CLOSE = 20_000
"""Chunks beyond which a stop does not wait for a new base: without it the next start only takes longer."""
SPARE = 8
"""Hits asked for beyond k: chunks may vanish between the index and the database while files are deleted."""


class Collection:
    """`generation_id` and `index` describe the active generation. Made by `open_collection`."""

    def __init__(
        self,
        id: str,
        generation_id: str,
        generation: Generation,
        queries: QueryBatcher,
        resources: Resources,
    ) -> None:
        self.id = id
        self.generation_id = generation_id
        self.generation = generation
        self.embedder = generation.embedder
        self.contents = Contents()
        self.changing = asyncio.Lock()
        self._database = resources.database
        self._queries = queries
        self._resources = resources
        self._pace = resources.pace()
        self._folding: asyncio.Task[None] | None = None

    async def search(self, query: str, k: int, *, where: Mapping[str, Any] | None = None) -> list[Hit]:
        """The k best chunks, best first; fewer only if there are fewer. Raises BadFilter."""
        allowed = filters.parse(where) if where is not None else None
        vector = await self._queries.embed(query[:READ]) if self.generation.spec.dense is not None else None
        spare = SPARE
        while True:
            ranked = await self._in_thread(self._ranked, query, vector, k + spare, allowed)
            shown = [r for r in ranked if self.contents.file_of(r.id, allowed) is not None]
            rows = await self._database.read(partial(chunk_rows.by_id, ids=[r.id for r in shown]))
            hits = [hit for r in shown if (hit := self._hit(r, rows.get(r.id), allowed)) is not None][:k]
            if len(hits) == k or len(ranked) < k + spare:
                return hits
            # A large file is being replaced or deleted, and its chunks fill the ranking: look further down.
            spare *= 8

    def _ranked(self, query: str, vector: Any | None, k: int, where: Predicate | None) -> list[Ranked]:
        allow = self.contents.allowed(where) if where is not None else None
        return self.generation.search(query, vector, k, allow)

    async def matched_terms(self, query: str, chunk_ids: Sequence[int]) -> list[list[str]]:
        """For each chunk the terms of the query that it holds. On a thread: it waits for the index's lock."""
        found: list[list[str]] = await self._in_thread(
            lambda: [self.generation.matched_terms(query, id) for id in chunk_ids]
        )
        return found

    async def add_committed(self, file: FileEntry, done: catalog.Committed, batch: Batch | None) -> None:
        """Take over what an ingest has committed. The caller holds `changing`."""
        if batch is not None and done.fresh:
            await self._in_thread(self.generation.add, batch)
        former = self.contents.drop_file(file.file_id)
        self.contents.add_content(Content(done.content_id, done.first, done.count))
        self.contents.put_file(done.content_id, file)
        if former is not None and former.id != done.content_id:
            await self._in_thread(self.generation.remove, _ids_of(former))
        self.fold_soon()

    async def remove_file(self, file_id: str) -> bool:
        """Take a file out, of the index first. False if the collection does not have it."""
        async with self.changing:
            orphan = self.contents.drop_file(file_id)
            if orphan is not None:
                await self._in_thread(self.generation.remove, _ids_of(orphan))
            return await self._database.write(lambda db: catalog.delete_document(db, self.id, file_id))

    async def set_attributes(self, file_id: str, attributes: Mapping[str, AttributeValue]) -> None:
        async with self.changing:
            await self._database.write(lambda db: catalog.set_attributes(db, self.id, file_id, attributes))
            entry = self.contents.entry(file_id)
            content_id = self.contents.content_of(file_id)
            if entry is not None and content_id is not None:
                self.contents.put_file(content_id, FileEntry(file_id, entry.filename, dict(attributes)))

    async def close(self) -> None:
        """Leave a base behind that the next start can load, if enough has changed to be worth it."""
        await self.stop()
        if len(self.generation) <= FOLD_AT_CLOSE:
            async with self.changing:
                await self._fold(256, None)

    async def stop(self) -> None:
        """End what goes on beside searches and changes."""
        self._pace.stop()
        if self._folding is not None:
            await self._folding

    def fold_soon(self) -> None:
        """Write a new base if one is due, beside searches and changes."""
        if self._folding is None or self._folding.done():
            self._folding = asyncio.create_task(self._fold(FOLD_AT_LEAST, self._pace), name=f"fold {self.id}")

    async def _fold(self, at_least: int, pace: Pace | None) -> None:
        work = partial(self.generation.fold_if_due, at_least=at_least, pace=pace)
        try:
            await asyncio.get_running_loop().run_in_executor(self._resources.builder, work)
        except Stopped:
            log.info("the index of %s was not written: the service stops", self.id)
        except OSError:
            # The database has everything; without a new base only the next start is slower.
            log.exception("the index of %s could not be written", self.id)

    def _hit(self, ranked: Ranked, row: Any | None, where: Predicate | None) -> Hit | None:
        file = self.contents.file_of(ranked.id, where)
        if row is None or file is None:
            return None
        stages = StageScores(
            dense=ranked.dense,
            dense_rank=ranked.dense_rank,
            lexical=ranked.lexical,
            lexical_rank=ranked.lexical_rank,
            fused=ranked.fused,
        )
        return Hit(
            chunk_id=ranked.id,
            file_id=file.file_id,
            filename=file.filename,
            text=row.text,
            start=row.start,
            end=row.end,
            score=ranked.score,
            stages=stages,
            attributes=dict(file.attributes),
        )

    async def _in_thread(self, work: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._resources.searchers, work, *arguments)


async def open_collection(id: str, resources: Resources) -> Collection:
    """Load a collection's active generation and bring it in line with the database."""
    database = resources.database
    row = await database.read(lambda db: catalog.active_generation(db, id))
    embedder, queries = resources.embedder(row.embedder)
    generation = Generation(parse(row._mapping["index"]), embedder, resources.directory / id / row.id)
    collection = Collection(id, row.id, generation, queries, resources)
    contents, files = await database.read(lambda db: chunk_rows.contents(db, id))
    for content in contents:
        collection.contents.add_content(content)
    for content_id, entry in files:
        collection.contents.put_file(content_id, entry)
    alive = collection.contents.allowed(lambda _attributes: True)

    def missing(ids: Ids) -> Iterator[Batch]:
        return chunk_rows.batches(database, embedder, ids, dense=generation.spec.dense is not None)

    await asyncio.get_running_loop().run_in_executor(resources.searchers, generation.open, alive, missing)
    collection.fold_soon()
    return collection


def _ids_of(content: Content) -> Ids:
    import numpy as np

    return np.arange(content.first, content.first + content.count, dtype=np.int64)
