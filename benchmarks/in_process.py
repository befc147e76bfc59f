"""Sandtable's own sides of `peers`, each in a process of its own: python -m benchmarks.in_process NAME fill|open FOLDER

Input and output are those of benchmarks/clients/side.py. `raw`: the bundled encoder and a flat index of faiss called by
hand, which is what the machine could do; `in process`: a collection with its database, under the index `flat`.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from platformdirs import user_cache_dir

from benchmarks.serving import peak_mb
from retrieval import catalog
from retrieval.catalog import NewDocument
from retrieval.collection import Collection
from retrieval.database import Database, sqlite_engine
from retrieval.embedders.batching import QueryBatcher
from retrieval.embedders.minilm import MiniLM
from retrieval.ingest import Ingest
from retrieval.loaders.isolated import IsolatedLoader
from retrieval.opening import open_collection
from retrieval.pace import Pace
from retrieval.resources import Resources, background_threads
from retrieval.tables import metadata

K, CLIENTS, NAME = 10, 8, "peers"
CHUNKING = {"type": "auto"}


def encoder() -> MiniLM:
    return MiniLM(Path(user_cache_dir("sandtable", appauthor=False)))


class Raw:
    def __init__(self, folder: Path) -> None:
        self.folder, self.model = folder, encoder()

    def fill(self, passages: Sequence[str]) -> None:
        import faiss

        faiss.omp_set_num_threads(1)
        self.texts, self.index = list(passages), faiss.IndexFlatIP(384)
        self.index.add(self.model.embed(passages, kind="document"))
        faiss.write_index(self.index, str(self.folder / "index"))
        (self.folder / "texts.json").write_text(json.dumps(self.texts))

    def open(self) -> None:
        import faiss

        self.index = faiss.read_index(str(self.folder / "index"))
        self.texts = json.loads((self.folder / "texts.json").read_text())

    def search(self, question: str) -> list[str]:
        _, places = self.index.search(self.model.embed([question], kind="query"), K)
        return [self.texts[place] for place in places[0]]


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[Collection, Ingest]]:
    """As the service wires them."""
    database = Database(sqlite_engine(folder / "sandtable.sqlite3"))
    searchers, worker, builder = ThreadPoolExecutor(8), ThreadPoolExecutor(1), background_threads()
    loader, model = IsolatedLoader(), encoder()
    queries = QueryBatcher(model)
    try:
        await database.write(_create)
        resources = Resources(
            database, lambda _: (model, queries), searchers, builder, folder / "collections"
        )  # fmt: skip
        collection = await open_collection(NAME, resources)
        yield collection, Ingest(database, loader, worker)
        await collection.close(Pace())
    finally:
        await queries.aclose()
        await loader.aclose()
        for pool in (searchers, worker, builder):
            pool.shutdown()
        database.close()


def _create(db: Any) -> None:
    metadata.create_all(db)
    if catalog.get_collection(db, "default", NAME) is None:
        about = {"tenant": "default", "name": NAME, "description": "", "metadata": {}, "expires_after_days": None}
        catalog.create_collection(db, id=NAME, generation_id="gen_1", index="flat", embedder="minilm", **about)


async def fill(collection: Collection, ingest: Ingest, folder: Path, passages: Sequence[str]) -> None:
    """Each passage a file of its own, two under way at a time as in the service."""
    waiting = iter(enumerate(passages))

    async def work() -> None:
        for number, text in waiting:
            path, id = folder / f"{number}.txt", f"file_{number}"
            path.write_text(text, "utf-8")
            new = NewDocument(
                collection_id=NAME, file_id=id, filename=path.name, attributes={}, chunking=CHUNKING, batch_id=None,
                attempt=f"try_{number}",
            )  # fmt: skip
            await ingest.database.write(lambda db, new=new: catalog.put_document(db, new))  # type: ignore[misc]
            await ingest.run(collection, id, path)

    await asyncio.gather(work(), work())


async def collection_side(what: str, folder: Path, passages: list[str], questions: list[str]) -> dict[str, Any]:
    async with opened(folder) as (collection, ingest):

        async def search(question: str) -> list[str]:
            return [hit.text for hit in await collection.search(question, K)]

        if what == "open":
            assert len(await search(questions[0])) == K
            return {}
        began = time.perf_counter()
        await fill(collection, ingest, folder, passages)
        took = time.perf_counter() - began
        return {"ingest_s": took, **await figures(search, questions)}


async def figures(search: Callable[[str], Awaitable[Sequence[str]]], questions: Sequence[str]) -> dict[str, Any]:
    async def timed(question: str) -> float:
        began = time.perf_counter()
        assert len(await search(question)) == K
        return time.perf_counter() - began

    alone = [await timed(question) for question in questions]
    waiting, together = iter([*questions, *questions]), []

    async def client() -> None:
        for question in waiting:
            together.append(await timed(question))

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    qps = len(together) / (time.perf_counter() - began)
    return {"alone": alone, "together": together, "qps": qps, "ram_mb": peak_mb(os.getpid())}


async def raw_side(what: str, folder: Path, passages: list[str], questions: list[str]) -> dict[str, Any]:
    raw = Raw(folder)
    if what == "open":
        raw.open()
        assert len(raw.search(questions[0])) == K
        return {}
    began = time.perf_counter()
    raw.fill(passages)
    took = time.perf_counter() - began
    # One thread, as the collection embeds on one.
    with ThreadPoolExecutor(1) as pool:

        async def search(question: str) -> list[str]:
            return await asyncio.get_running_loop().run_in_executor(pool, raw.search, question)

        found = await figures(search, questions)
    return {"ingest_s": took, **found, "qps": _alone_at_8(raw, questions)}


def _alone_at_8(raw: Raw, questions: Sequence[str]) -> float:
    """Searches a second on one thread that never waits: the most that eight who share it can have."""
    began = time.perf_counter()
    for question in [*questions, *questions]:
        raw.search(question)
    return 2 * len(questions) / (time.perf_counter() - began)


def main() -> None:
    name, what, folder = sys.argv[1:]
    given = json.load(sys.stdin)
    side = {"raw": raw_side, "in process": collection_side}[name]
    print(json.dumps(asyncio.run(side(what, Path(folder), given["passages"], given["questions"]))), flush=True)


if __name__ == "__main__":
    main()
