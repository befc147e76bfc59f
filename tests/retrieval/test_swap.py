"""Generations side by side: each as right as if it were the only one, whatever comes, fails or changes meanwhile."""

import asyncio
import shutil
import threading

import numpy as np
import pytest

from retrieval import generations, judgments
from retrieval.activation import activate
from retrieval.build import build
from retrieval.errors import EmbedderMismatch, EmbedderMissing, GateFailed, GenerationNotReady
from retrieval.judged import judged_scores
from retrieval.pace import Pace, Stopped
from retrieval.resources import OPENERS
from retrieval.tables import content, embedding
from tests.retrieval.hashing import HashEmbedder
from tests.retrieval.test_collection import eq
from tests.retrieval.workshop import NAME, SMALL, found, workshop

WORDS = "norway germany charger battery harbour ferry winter saga road grid market rule".split()  # noqa: SIM905


def text(n):
    return " ".join(WORDS[(n * step) % len(WORDS)] for step in (1, 2, 5)) + f" note{n}"


class Wide(HashEmbedder):
    """Another model: twice as many dimensions."""

    name = "wide"
    dimension = 64

    def _vector(self, text):
        half = super()._vector(text)
        return np.concatenate([half, half[::-1]]) / np.sqrt(np.float32(2))


async def test_another_embedder_is_built_beside_and_swapped_in(tmp_path):
    async with workshop(tmp_path, index="flat") as shop:
        shop.others["wide"] = Wide("wide-1")
        for n in range(20):
            await shop.add(f"f{n}", text(n), {"n": n})
        row = await shop.build("hnsw", embedder="wide")
        assert (row.status, row.fingerprint, row.dimension) == ("ready", "wide-1", 64)
        assert await shop.count(embedding) == 40
        before = found(await shop.collection.search("norway battery", 5))
        await activate(shop.collection, row.id)
        assert shop.collection.embedder is shop.others["wide"]
        await shop.add("late", "norway battery zebra", {"n": 99})
        for lane in shop.collection.lanes.values():
            assert [h.file_id for h in await shop.collection.search("norway battery zebra", 1, lane=lane)] == ["late"]
        await shop.collection.remove_file("late")
        await activate(shop.collection, "gen_1")
        assert found(await shop.collection.search("norway battery", 5)) == before


async def test_the_way_back_after_a_restart_waits_for_no_build(tmp_path):
    async with workshop(tmp_path, index="flat") as shop:
        await shop.add("a", "norway battery")
        row = await shop.build("hnsw")
        assert await activate(shop.collection, row.id) == "gen_1"
        await shop.close()
        await shop.open()
        ending = threading.Event()
        occupied = shop.builder.submit(ending.wait, 30)
        try:
            assert await asyncio.wait_for(activate(shop.collection, "gen_1"), 10) == row.id
            assert not occupied.done()
        finally:
            ending.set()


async def test_what_cannot_be_activated_is_refused_at_once(tmp_path):
    """Whatever else is being loaded."""
    async with workshop(tmp_path, index="flat") as shop:
        await shop.add("a", "norway battery")
        row = await shop.build("hnsw")
        ended = await shop.make("bm25")
        await shop.database.write(lambda db: generations.end(db, ended, status="cancelled"))
        await shop.close()
        await shop.open()
        ending = threading.Event()
        occupied = [shop.resources.openers.submit(ending.wait, 30) for _ in range(OPENERS)]
        shop.collection.lanes.pop(row.id, None)
        try:
            with pytest.raises(GenerationNotReady, match="cancelled"):
                await asyncio.wait_for(activate(shop.collection, ended), 10)
            assert not any(one.done() for one in occupied)
        finally:
            ending.set()


async def test_what_is_searched_in_order_to_measure_was_asked_by_nobody(tmp_path):
    async with workshop(tmp_path, index="flat") as shop:
        await shop.add("a", "norway battery")
        judged = {"norway": [judgments.Judgment(query="norway", file_id="a", grade=1)]}
        await judged_scores(shop.collection, shop.collection.active, judged, 5)
        assert list(shop.collection.asked) == []
        await shop.collection.search("battery", 1)
        assert list(shop.collection.asked) == ["battery"]


@pytest.mark.slow
async def test_writes_during_a_build_are_in_it(tmp_path):
    """Some before, some after the index is written, each seen by the slices of the build."""
    async with workshop(tmp_path, index="bm25") as shop:
        for n in range(120):
            await shop.add(f"f{n}", text(n))
        loop, slices, work = asyncio.get_running_loop(), [], []

        async def change(n):
            await shop.add(f"new{n}", f"zebra number{n}")
            await shop.collection.remove_file(f"f{100 + n}")

        def told(done, total):
            slices.append(done)
            if len(slices) in (2, 5, 9, 11):
                work.append(asyncio.run_coroutine_threadsafe(change(len(slices)), loop))
                if len(slices) in (2, 9):
                    work[-1].result(20)

        row = await shop.build("hnsw", Pace(told=told))
        await asyncio.gather(*map(asyncio.wrap_future, work))
        assert row.status == "ready"
        assert len(work) == 4
        lane = shop.collection.lanes[row.id]
        assert len(lane.generation) == 120
        assert await shop.count(embedding) == 120
        for n in (2, 5, 9, 11):
            assert [h.file_id for h in await shop.collection.search(f"zebra number{n}", 1, lane=lane)] == [f"new{n}"]
        hits = await shop.collection.search("note", 200, lane=lane)
        assert not {f"f{100 + n}" for n in (2, 5, 9, 11)} & {hit.file_id for hit in hits}


@pytest.mark.slow
async def test_a_build_that_was_stopped_does_not_embed_again(tmp_path):
    async with workshop(tmp_path, index="bm25") as shop:
        for n in range(64):
            await shop.add(f"f{n}", text(n))
        pace = Pace(told=lambda done, total: pace.stop() if done >= 32 else None)
        id = await shop.make("hnsw")
        with pytest.raises(Stopped):
            await build(shop.collection, await shop.generation(id), pace)
        row = await shop.generation(id)
        assert (row.status, row.attempts) == ("building", 0)
        made = shop.embedder.embedded["document"]
        assert made >= 32
        await shop.reopen(folding=False)
        await build(shop.collection, await shop.generation(id), Pace())
        row = await shop.generation(id)
        assert (row.status, row.attempts) == ("ready", 1)
        assert shop.embedder.embedded["document"] == 64


class Killed(Exception):
    pass


class Killing(Wide):
    """As if the process ended within its first batch, or after it."""

    def __init__(self, fingerprint, batches):
        super().__init__(fingerprint)
        self.batches = batches

    def embed(self, texts, *, kind):
        if kind == "document":
            self.batches -= 1
            if self.batches < 0:
                raise Killed
        return super().embed(texts, kind=kind)


@pytest.mark.parametrize(("batches", "attempts"), [(0, 3), (1, 1)], ids=["got no further", "stored something"])
async def test_a_build_counts_its_beginnings_since_it_last_stored_something(tmp_path, batches, attempts):
    async with workshop(tmp_path, index="bm25") as shop:
        for n in range(64):
            await shop.add(f"f{n}", text(n))
        id = await shop.make("flat", embedder="wide")
        for _ in range(3):
            shop.others["wide"] = Killing("wide-1", batches)
            shop.queries.pop("wide", None)
            with pytest.raises(Killed):
                await build(shop.collection, await shop.generation(id), Pace())
        assert (await shop.generation(id)).attempts == attempts


@pytest.mark.parametrize("embedder", [HashEmbedder("other-1"), Wide("other-1")], ids=["weights", "dimension"])
async def test_a_model_that_is_not_the_one_it_was_built_with_is_refused_with_both(tmp_path, embedder):
    async with workshop(tmp_path, index="hybrid") as shop:
        await shop.add("a", text(1))
        await shop.close()
        shop.embedder = embedder
        await shop.open()
        with pytest.raises(EmbedderMismatch) as caught:
            await shop.collection.search("norway", 1)
        for value in ("'hashing-1'", repr(embedder.fingerprint), "32 dimensions", f"{embedder.dimension} dimensions"):
            assert value in str(caught.value)
        row = await shop.add("b", text(2))
        assert row.status == "failed"
        assert "hashing-1" in row.error_message
        row = await shop.build("hybrid")
        await activate(shop.collection, row.id)
        assert [h.file_id for h in await shop.collection.search("norway", 1)] == ["a"]
        with pytest.raises(EmbedderMismatch):
            await activate(shop.collection, "gen_1")
        await shop.add("b", text(2))
        await shop.reopen()
        assert {h.file_id for h in await shop.collection.search("note1 note2", 5)} == {"a", "b"}


async def test_a_generation_whose_embedder_fails_does_not_hold_up_the_others(tmp_path):
    class Failing(Wide):
        def embed(self, texts, *, kind):
            if any("poison" in text for text in texts):
                raise EmbedderMissing("the server of 'wide' is gone")
            return super().embed(texts, kind=kind)

    async with workshop(tmp_path, index="flat") as shop:
        shop.others["wide"] = Failing("wide-1")
        await shop.add("a", text(1))
        row = await shop.build("flat", embedder="wide")
        assert (await shop.add("b", "poison ivy")).status == "completed"
        failed = await shop.generation(row.id)
        assert (failed.status, failed.error) == (
            "failed",
            "its embedder failed on 'b.txt': the server of 'wide' is gone",
        )
        assert list(shop.collection.lanes) == ["gen_1"]
        assert {h.file_id for h in await shop.collection.search("ivy", 5)} == {"a", "b"}
        with pytest.raises(GenerationNotReady, match="failed"):
            await activate(shop.collection, row.id)
        assert await shop.count(embedding) == 3  # what another try would need
        await shop.database.write(lambda db: generations.remove(db, row.collection_id, row.id))
        assert await shop.count(embedding) == 2


async def test_a_generation_that_is_deleted_while_it_is_loaded_does_not_keep_the_others_from_it(tmp_path):
    async with workshop(tmp_path, index="flat") as shop:
        await shop.add("a", "norway battery")
        gone, kept = await shop.build("bm25"), await shop.build("hybrid")
        await shop.reopen()
        deleted = threading.Event()
        for _ in range(OPENERS):
            shop.resources.openers.submit(deleted.wait, 30)  # before any of them is loaded
        await shop.database.write(lambda db: generations.remove(db, NAME, gone.id))
        shutil.rmtree(shop.bases.parent / gone.id)
        deleted.set()
        await shop.collection.beside
        assert set(shop.collection.lanes) == {"gen_1", kept.id}


@pytest.mark.slow
async def test_files_cut_in_two_ways_are_cleared_away_in_both(tmp_path):
    long = "\n\n".join(f"{text(n)} " * 20 for n in range(20))
    async with workshop(tmp_path) as shop:
        await shop.add("a", long)
        await shop.add("same", long, chunking=SMALL)
        await shop.build("hybrid", chunking=SMALL)
        assert await shop.count(content) == 2
        await shop.collection.remove_file("same")
        assert await shop.count(content) == 2
        await shop.add("b", f"{long} end")
        assert await shop.count(content) == 4
        for lane in shop.collection.lanes.values():
            hits = await shop.collection.search("saga", 50, lane=lane)
            assert {hit.file_id for hit in hits} == {"a", "b"}
        await shop.add("b", f"{long} another end")
        await shop.collection.remove_file("a")
        assert await shop.count(content) == 2
        await shop.collection.remove_file("b")
        assert [await shop.count(table) for table in (content, embedding)] == [0, 0]


async def test_the_gate_judges_before_it_serves(tmp_path):
    async with workshop(tmp_path, index="flat") as shop:
        for n in range(30):
            await shop.add(f"f{n}", text(n))
        row = await shop.build("flat", gate={"min_recall_at_10": 1.0, "max_p99_ms": 1e-6})
        with pytest.raises(GateFailed) as caught:
            await activate(shop.collection, row.id)
        (miss,) = caught.value.misses
        assert (miss["metric"], miss["value"], miss["limit"]) == ("p99_ms", row.metrics["p99_ms"], 1e-6)
        await activate(shop.collection, row.id, force=True)
        await activate(shop.collection, "gen_1")
        await activate(shop.collection, row.id)  # judged once: the way back and forth is free


class Blind(HashEmbedder):
    """All texts look alike."""

    def _vector(self, text):
        return np.eye(1, self.dimension, dtype=np.float32)[0]


@pytest.mark.slow
async def test_the_gate_of_the_judges_asks_about_the_generation_that_is_active_then(tmp_path):
    async with workshop(tmp_path, Blind("blind-1"), index="flat") as shop:
        for n in range(12):
            await shop.add(f"f{n}", f"note{n}")
        judged = [judgments.Judgment(query=f"note{n}", file_id=f"f{n}", grade=1) for n in range(12)]
        await shop.database.write(lambda db: judgments.put(db, NAME, judged))
        lexical = await shop.build("bm25")
        dense = await shop.build("hnsw", gate={"no_worse_ndcg": True})
        assert dense.misses == []
        await activate(shop.collection, lexical.id)
        with pytest.raises(GateFailed, match=r"no loss at alpha 0\.05, and it lost 0\.\d+ \(p 0\.00") as caught:
            await activate(shop.collection, dense.id)
        assert [miss["gate"] for miss in caught.value.misses] == ["no_worse_ndcg"]
        assert shop.collection.active.id == lexical.id
        await activate(shop.collection, "gen_1")
        await activate(shop.collection, dense.id)
        # The other way round: what it misses when it is built may be right when it is to be activated.
        await activate(shop.collection, lexical.id)
        again = await shop.build("hnsw", gate={"no_worse_ndcg": True})
        assert [miss["gate"] for miss in again.misses] == ["no_worse_ndcg"]
        await activate(shop.collection, dense.id)
        await activate(shop.collection, again.id)
        other = await shop.build("flat", gate={"no_worse_ndcg": True})
        await shop.database.write(lambda db: judgments.clear(db, NAME))
        with pytest.raises(GateFailed, match="judged queries"):
            await activate(shop.collection, other.id)


@pytest.mark.slow
async def test_a_filter_that_keeps_few_finds_them_in_every_kind(tmp_path):
    async with workshop(tmp_path, index="flat") as shop:
        for n in range(300):
            await shop.add(f"f{n}", text(n), {"rare": n % 60 == 7})
        for index in ("hnsw", "ivf", "ivfpq", "hybrid(ivf,bm25)"):
            await shop.build(index)
        for lane in shop.collection.lanes.values():
            hits = await shop.collection.search(text(7), 10, where=eq("rare", True), lane=lane)
            assert {hit.file_id for hit in hits} == {f"f{n}" for n in range(7, 300, 60)}
