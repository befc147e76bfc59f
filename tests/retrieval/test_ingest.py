"""One file into a collection: cut short, superseded, failed or done, it leaves the database as it should be."""

import asyncio
import threading

import pytest

from retrieval import catalog
from retrieval.embedding import SLICE
from retrieval.errors import EmbedderMissing
from retrieval.tables import chunk, content, embedding
from tests.retrieval.hashing import HashEmbedder
from tests.retrieval.workshop import NAME, SMALL, gathered, workshop

LONG = "\n\n".join(
    " ".join(f"Part {n}.{m} of the long saga of winters and harbours." for m in range(20)) for n in range(90)
)


class Gate:
    """Holds the embedder before its `at`-th batch until it is opened."""

    def __init__(self, at):
        self.batches, self.at = 0, at
        self.reached, self.open = threading.Event(), threading.Event()

    def __call__(self, texts):
        self.batches += 1
        if self.batches == self.at:
            self.reached.set()
            assert self.open.wait(30)

    async def wait(self):
        assert await asyncio.to_thread(self.reached.wait, 30)


async def unique_chunks(shop):
    from sqlalchemy import func, select

    query = select(func.count(chunk.c.text_sha256.distinct()))
    return await shop.database.read(lambda db: db.execute(query).scalar_one())


async def test_progress_and_sizes_are_recorded(tmp_path):
    async with workshop(tmp_path) as shop:
        row = await shop.add("a", LONG, {"n": 1}, SMALL)
        assert (row.status, row.error_code, row.usage_bytes) == ("completed", None, len(LONG.encode()))
        assert row.chunks_done == row.chunks_total == await shop.count(chunk) > SLICE
        await shop.ingest.run(shop.collection, "a", tmp_path / "a")
        assert await shop.count(content) == 1


async def test_an_ingest_cut_short_is_not_searchable_and_goes_on_without_doing_anything_twice(tmp_path):
    gate = Gate(at=2)
    async with workshop(tmp_path, HashEmbedder(before=gate)) as shop:
        path = await shop.queue("a", LONG, chunking=SMALL)
        running = asyncio.create_task(shop.ingest.run(shop.collection, "a", path))
        await gate.wait()
        assert await shop.collection.search("saga", 5) == []
        running.cancel()
        gate.open.set()
        assert isinstance((await asyncio.gather(running, return_exceptions=True))[0], asyncio.CancelledError)
        row = await shop.document("a")
        assert (row.status, row.chunks_done, row.content_id) == ("in_progress", SLICE, None)
        await shop.reopen()
        assert await shop.collection.search("saga", 5) == []
        assert await shop.database.read(catalog.unfinished_documents) == [(NAME, "a")]
        stored, shop.embedder.embedded["document"] = await shop.count(embedding), 0
        assert stored == SLICE
        await shop.ingest.run(shop.collection, "a", path)
        assert (await shop.document("a")).status == "completed"
        assert shop.embedder.embedded["document"] == await unique_chunks(shop) - stored
        assert len(await shop.collection.search("saga", 5)) == 5


async def test_the_vectors_of_a_short_file_are_made_once_for_all_and_stored_with_it(tmp_path):
    gate = Gate(at=1)
    async with workshop(tmp_path, HashEmbedder(before=gate), index="flat") as shop:
        gate.open.set()
        await shop.add("a", "The winter of the saga.")
        await shop.build("hnsw")
        gate.open.clear()
        gate.reached.clear()
        gate.batches = 0
        made = shop.embedder.embedded["document"]
        path = await shop.queue("b", "A harbour in winter.")
        running = asyncio.create_task(shop.ingest.run(shop.collection, "b", path))
        await gate.wait()
        await shop.collection.remove_file("b")
        gate.open.set()
        await running
        assert (await shop.count(embedding), shop.embedder.embedded["document"]) == (1, made + 1)
        await shop.add("b", "A harbour in winter.")
        assert (await shop.count(embedding), shop.embedder.embedded["document"]) == (2, made + 2)
        for lane in shop.collection.lanes.values():
            assert (await shop.collection.search("harbour", 1, lane=lane))[0].file_id == "b"


@pytest.mark.parametrize("what", ["deleted", "cancelled", "added anew"])
async def test_an_ingest_that_is_overtaken_leaves_nothing_behind(tmp_path, what):
    gate = Gate(at=2)
    async with workshop(tmp_path, HashEmbedder(before=gate)) as shop:
        path = await shop.queue("a", LONG, chunking=SMALL)
        running = asyncio.create_task(shop.ingest.run(shop.collection, "a", path))
        await gate.wait()
        if what == "deleted":
            assert await shop.collection.remove_file("a")
        elif what == "cancelled":
            row = await shop.document("a")
            end = (NAME, "a", row.attempt, "cancelled", None, None)
            assert await shop.database.write(lambda db: catalog.end_document(db, *end))
        else:
            path = await shop.queue("a", "Short now.", {"new": True})
        gate.open.set()
        await running
        assert (await shop.count(content), await shop.count(embedding)) == (0, 0)
        assert await shop.collection.search("saga", 5) == []
        if what == "added anew":
            await shop.ingest.run(shop.collection, "a", path)
            (hit,) = await shop.collection.search("saga short", 5)
            assert (hit.text, hit.attributes) == ("Short now.", {"new": True})


async def test_attributes_changed_during_the_ingest_are_those_that_are_searched(tmp_path):
    gate = Gate(at=1)
    async with workshop(tmp_path, HashEmbedder(before=gate)) as shop:
        path = await shop.queue("a", "The saga of winters.", {"year": 2020})
        running = asyncio.create_task(shop.ingest.run(shop.collection, "a", path))
        await gate.wait()
        await shop.collection.set_attributes("a", {"year": 2023})
        gate.open.set()
        await running
        where = {"type": "eq", "key": "year", "value": 2023}
        assert [hit.attributes for hit in await shop.collection.search("saga", 5, where=where)] == [{"year": 2023}]


async def test_a_failed_renewal_keeps_what_was_there(tmp_path):
    async with workshop(tmp_path) as shop:
        await shop.add("a", "The saga of winters.")
        row = await shop.add("a", "\x00\x01\x02 binary \x00")
        assert (row.status, row.error_code) == ("failed", "invalid_file")
        assert [hit.text for hit in await shop.collection.search("saga", 5)] == ["The saga of winters."]


async def test_the_same_text_under_two_names_is_stored_once(tmp_path):
    async with workshop(tmp_path) as shop:
        await gathered(shop.add("a", LONG, {"n": 1}, SMALL), shop.add("b", LONG, {"n": 2}, SMALL))
        rows = [await shop.document(name) for name in ("a", "b")]
        assert [row.status for row in rows] == ["completed", "completed"]
        assert rows[0].content_id == rows[1].content_id
        assert await shop.count(content) == 1
        assert await shop.count(embedding) == await unique_chunks(shop)
        await shop.collection.remove_file("a")
        assert {hit.file_id for hit in await shop.collection.search("saga", 9)} == {"b"}
        await shop.collection.remove_file("b")
        assert [await shop.count(table) for table in (content, chunk, embedding)] == [0, 0, 0]


@pytest.mark.parametrize(
    ("error", "message"),
    [(EmbedderMissing("no model here"), "no model here"), (RuntimeError("secret detail"), "RuntimeError")],
)
async def test_an_embedder_that_fails_fails_the_file_with_a_reason(tmp_path, error, message):
    def fail(_texts):
        raise error

    async with workshop(tmp_path, HashEmbedder(before=fail)) as shop:
        row = await shop.add("a", "The saga of winters.")
        assert (row.status, row.error_code) == ("failed", "server_error")
        assert message in row.error_message
        assert "secret" not in row.error_message
        assert await shop.count(content) == 0


async def test_a_file_that_has_vanished_fails_alone(tmp_path):
    async with workshop(tmp_path) as shop:
        path = await shop.queue("a", "gone")
        path.unlink()
        await shop.ingest.run(shop.collection, "a", path)
        assert (await shop.document("a")).status == "failed"
        assert (await shop.add("b", "The saga of winters.")).status == "completed"


async def test_a_queued_file_of_a_collection_that_cannot_be_opened_is_refused_with_the_reason(tmp_path):
    async with workshop(tmp_path) as shop:
        await shop.queue("a", "The saga.")
        await shop.ingest.refuse(NAME, "a", "no embedder")
        row = await shop.document("a")
        assert (row.status, row.error_code, row.error_message) == ("failed", "server_error", "no embedder")
        await shop.ingest.refuse(NAME, "none", "nobody hears this")
