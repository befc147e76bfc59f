"""A database, its collections and an ingest, as the service wires them, but with an embedder that costs nothing."""

import asyncio
import itertools
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from retrieval import catalog, generations
from retrieval.build import build
from retrieval.catalog import NewDocument
from retrieval.database import Database, sqlite_engine
from retrieval.embedders.batching import QueryBatcher
from retrieval.indexes.postgres import without_address
from retrieval.ingest import Ingest
from retrieval.loaders.isolated import IsolatedLoader
from retrieval.opening import open_collection
from retrieval.pace import Pace
from retrieval.resources import Resources, background_threads
from retrieval.tables import metadata
from tests.retrieval.hashing import HashEmbedder

NAME = "vs_test"
SMALL = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}}


class Workshop:
    """One collection over its life: `collection` is the open one."""

    def __init__(self, directory, embedder=None, index="auto", postgres=None):
        self.directory = directory
        self.embedder = embedder or HashEmbedder()
        self.index = index
        self.postgres = postgres or without_address()
        self.bases = directory / "collections" / NAME / "gen_1"
        self.others = {}
        """Further embedders, by spec."""
        self._attempts = itertools.count()
        self._generations = itertools.count(2)

    async def open(self):
        self.database = Database(sqlite_engine(self.directory / "test.sqlite3"))
        self.searchers = ThreadPoolExecutor(8)
        self.worker = ThreadPoolExecutor(1)
        self.queries = {}
        self.loader = IsolatedLoader()
        self.ingest = Ingest(self.database, self.loader, self.worker)
        await self.database.write(self._create)
        self.builder = background_threads()
        self.resources = Resources(
            self.database, self._embedder_of, self.searchers, self.builder,
            self.directory / "collections", 1.0, postgres=self.postgres,
        )  # fmt: skip
        self.collection = await open_collection(NAME, self.resources)
        return self.collection

    async def close(self, *, folding=True):
        """`folding=False`: as a killed process leaves it."""
        if folding:
            await self.collection.close(Pace())
        await self.collection.stop()
        for _, queries in self.queries.values():
            await queries.aclose()
        await self.loader.aclose()
        self.worker.shutdown()
        self.searchers.shutdown()
        self.builder.shutdown()
        self.resources.openers.shutdown()
        self.database.close()
        self.postgres.close()

    async def reopen(self, *, folding=True):
        await self.close(folding=folding)
        return await self.open()

    async def queue(self, file_id, text, attributes=None, chunking=None):
        """Put a document into the queue; its file's path."""
        path = self.directory / file_id
        path.write_text(text, encoding="utf-8")
        new = NewDocument(
            collection_id=NAME,
            file_id=file_id,
            filename=f"{file_id}.txt",
            attributes=attributes or {},
            chunking=chunking or {"type": "auto"},
            batch_id=None,
            attempt=f"try_{next(self._attempts)}",
        )
        await self.database.write(lambda db: catalog.put_document(db, new))
        return path

    async def add(self, file_id, text, attributes=None, chunking=None):
        path = await self.queue(file_id, text, attributes, chunking)
        await self.ingest.run(self.collection, file_id, path)
        return await self.document(file_id)

    async def make(self, index, *, embedder="hashing", chunking=None, **more):
        """Queue a generation; its id."""
        values = {"collection_id": NAME, "index": index, "embedder": embedder, "chunking": chunking, **more}
        id = f"gen_{next(self._generations)}"
        await self.database.write(lambda db: generations.create(db, {"id": id, **values}))
        return id

    async def build(self, index, pace=None, **more):
        """A generation brought to `ready`; its row."""
        id = await self.make(index, **more)
        await build(self.collection, await self.generation(id), pace or Pace())
        return await self.generation(id)

    async def generation(self, id):
        return await self.database.read(lambda db: generations.by_id(db, id))

    async def document(self, file_id):
        return await self.database.read(lambda db: catalog.get_document(db, NAME, file_id))

    async def count(self, table):
        from sqlalchemy import func, select

        return await self.database.read(lambda db: db.execute(select(func.count()).select_from(table)).scalar_one())

    def _embedder_of(self, spec):
        if spec not in self.queries:
            embedder = self.others.get(spec, self.embedder)
            self.queries[spec] = (embedder, QueryBatcher(embedder))
        return self.queries[spec]

    def _create(self, db):
        metadata.create_all(db)
        if catalog.get_collection(db, "default", NAME) is None:
            catalog.create_collection(
                db,
                id=NAME,
                tenant="default",
                name="test",
                description="",
                metadata={},
                expires_after_days=None,
                generation_id="gen_1",
                index=self.index,
                embedder="hashing",
            )


@asynccontextmanager
async def workshop(directory, embedder=None, index="auto", postgres=None):
    made = Workshop(directory, embedder, index, postgres)
    await made.open()
    try:
        yield made
    finally:
        await made.close(folding=False)


def found(hits):
    """What two searches must have in common to be the same."""
    return [(hit.chunk_id, hit.file_id, hit.text, hit.start, hit.end, round(hit.score, 5)) for hit in hits]


async def gathered(*work):
    async with asyncio.timeout(60):
        return await asyncio.gather(*work)
