"""A collection against a plain dictionary: whatever is added, replaced, deleted or reopened, searches are right."""

import asyncio
import random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from retrieval import chunk_rows, filters, generations, lanes
from retrieval.activation import activate
from retrieval.analysis import terms
from retrieval.tables import chunk, content, embedding
from tests.retrieval.hashing import HashEmbedder
from tests.retrieval.workshop import NAME, SMALL, Workshop, found, gathered, workshop

WORDS = ["norway", "germany", "charger", "battery", "港口", "渔船", "🚢", "winter", "𝒳-ray"]
LONG = "\n\n".join(
    f"Part {n} of the saga: {' '.join(WORDS)} tells of harbour {n}. 港口有三百艘渔船🚢{n}。" * 8 for n in range(30)
)


def eq(key, value):
    return {"type": "eq", "key": key, "value": value}


@pytest.fixture(params=["flat", "bm25", "hybrid", "hnsw", "hybrid(ivfpq,bm25)"])
def index(request):
    return request.param


@pytest.mark.slow
async def test_reopening_with_and_without_a_base_finds_the_same(tmp_path, index):
    async with workshop(tmp_path, index=index) as shop:
        for n in range(12):
            await shop.add(f"f{n}", LONG + f"\n\nNumber {n}.", {"n": n}, SMALL)
        await shop.collection.remove_file("f3")
        before = [found(await shop.collection.search(query, 20)) for query in WORDS]
        assert len(before[0]) == 20
        await shop.reopen(folding=False)
        assert not list(shop.bases.glob("base-*"))
        assert [found(await shop.collection.search(query, 20)) for query in WORDS] == before
        await shop.reopen()
        assert len(list(shop.bases.glob("base-*"))) == 1
        made = shop.embedder.embedded["document"]
        assert [found(await shop.collection.search(query, 20)) for query in WORDS] == before
        await shop.add("after", "charger charger", {"n": 99})
        await shop.reopen(folding=False)
        assert shop.embedder.embedded["document"] - made <= 1
        assert [hit.file_id for hit in await shop.collection.search("charger", 1, where=eq("n", 99))] == ["after"]


async def test_vectors_that_the_database_lost_are_made_again(tmp_path):
    async with workshop(tmp_path) as shop:
        await shop.add("a", LONG, chunking=SMALL)
        before = found(await shop.collection.search("港口", 10))
        kept = await shop.count(embedding)
        made = shop.embedder.embedded["document"]
        await shop.database.write(lambda db: db.execute(embedding.delete()))
        await shop.reopen(folding=False)
        assert found(await shop.collection.search("港口", 10)) == before
        assert shop.embedder.embedded["document"] - made == await shop.count(embedding) == kept > 10


async def test_another_embedder_makes_its_own_vectors(tmp_path):
    async with workshop(tmp_path, index="flat") as shop:
        await shop.add("a", "norway battery")
        await shop.add("b", "germany charger")
        await shop.close()
        shop.embedder = HashEmbedder("hashing-2")
        await shop.open()
        assert [hit.file_id for hit in await shop.collection.search("germany charger", 2)] == ["b", "a"]
        assert await shop.count(embedding) == 4


async def test_every_hit_stands_where_it_says_in_code_points(tmp_path, index):
    async with workshop(tmp_path, index=index) as shop:
        await shop.add("a", LONG, chunking=SMALL)
        for query in WORDS:
            hits = await shop.collection.search(query, 50)
            assert hits or (index == "bm25" and not terms(query))
            assert all(LONG[hit.start : hit.end] == hit.text for hit in hits)


@pytest.mark.slow
async def test_a_large_file_that_is_on_its_way_out_does_not_make_a_search_short(tmp_path):
    """The moment in a deletion when its chunks still fill the index, and no longer count."""
    async with workshop(tmp_path, index="flat") as shop:
        for n in range(10):
            await shop.add(f"small{n}", f"{WORDS[0]} {'filler ' * 40} {n}")
        large = "\n\n".join(f"{f'{WORDS[0]} ' * 60} line{n}." for n in range(700))
        await shop.add("large", large, chunking=SMALL)
        assert await shop.count(chunk) > 650
        assert {hit.file_id for hit in await shop.collection.search(WORDS[0], 10)} == {"large"}
        shop.collection.contents.drop_file("large")
        hits = await shop.collection.search(WORDS[0], 10)
        assert {hit.file_id for hit in hits} == {f"small{n}" for n in range(10)}


async def test_a_search_finds_the_same_alone_in_company_and_where_it_takes_long(tmp_path, index, monkeypatch):
    """Each on a thread of its own."""
    async with workshop(tmp_path, index=index) as shop:
        await shop.add("a", LONG, chunking=SMALL)
        search = shop.collection.search
        alone = [await search(query, 10) for query in WORDS]
        assert await asyncio.gather(*(search(query, 10) for query in WORDS)) == alone
        monkeypatch.setattr(lanes, "QUICK", len(shop.collection.generation) - 1)
        assert not shop.collection.active.is_quick
        assert await asyncio.gather(*(search(query, 10) for query in WORDS)) == alone


async def test_other_queries_do_not_wait_for_an_index_that_is_being_changed(tmp_path):
    async with workshop(tmp_path, index="flat") as shop:
        await shop.add("a", "norway battery")
        lane = shop.collection.active
        with lane.generation._lock.writing():
            waiting = asyncio.create_task(shop.collection.search("norway", 1))
            await asyncio.sleep(0.1)
            assert (await asyncio.wait_for(lane.queries.embed("another store's"), 10)).shape == (32,)
            assert not waiting.done()
        assert [hit.file_id for hit in await waiting] == ["a"]


async def test_chunks_are_shown_as_far_as_they_are_there(tmp_path):
    async with workshop(tmp_path) as shop:
        await shop.add("a", "norway battery")
        await shop.add("b", "germany charger 港口")
        there = await asyncio.to_thread(chunk_rows.shown, shop.database, range(1, 2 * chunk_rows.MOST_VALUES))
        assert [there[id] for id in sorted(there)] == [(1, "norway battery", 0, 14), (2, "germany charger 港口", 0, 18)]
        assert await asyncio.to_thread(chunk_rows.shown, shop.database, []) == {}
        await shop.collection.remove_file("a")
        assert list(await asyncio.to_thread(chunk_rows.shown, shop.database, [1, 2])) == [2]


async def test_changed_attributes_are_searched_at_once_and_after_a_restart(tmp_path):
    async with workshop(tmp_path) as shop:
        await shop.add("a", "norway battery", {"lang": "en"})
        await shop.collection.set_attributes("a", {"lang": "no", "n": 2})
        for _ in range(2):
            (hit,) = await shop.collection.search("norway", 5, where=eq("lang", "no"))
            assert hit.attributes == {"lang": "no", "n": 2}
            assert await shop.collection.search("norway", 5, where=eq("lang", "en")) == []
            await shop.reopen()


async def test_matched_terms_come_chunk_by_chunk(tmp_path):
    async with workshop(tmp_path) as shop:
        await shop.add("a", "norway battery")
        await shop.add("b", "germany battery")
        ids = {hit.file_id: hit.chunk_id for hit in await shop.collection.search("battery", 5)}
        assert await shop.collection.matched_terms("Norway's battery", [ids["b"], ids["a"]]) == [
            ["batteri"],
            ["norway", "batteri"],
        ]


@pytest.mark.parametrize("seconds", [0.6, pytest.param(20, marks=pytest.mark.slow)])
async def test_eight_searchers_beside_ingest_and_deletions(tmp_path, seconds):
    """No error and no short result, with and without a filter, and what stays is found to the end."""
    dice = random.Random(8)
    async with workshop(tmp_path) as shop:
        for n in range(12):
            await shop.add(f"stays{n}", f"norway battery share {n}", {"stays": True, "n": n})
        until, counts = asyncio.get_running_loop().time() + seconds, []

        async def search(where):
            while asyncio.get_running_loop().time() < until:
                hits = await shop.collection.search("norway battery share", 10, where=where)
                counts.append(len(hits))
                assert len({hit.chunk_id for hit in hits}) == 10
                assert where is None or all(hit.attributes["stays"] for hit in hits)

        async def churn(worker):
            here = []
            while asyncio.get_running_loop().time() < until:
                name = f"w{worker}-{dice.randrange(10)}"
                text = "\n\n".join(f"norway battery share {dice.random()} {name}" for _ in range(dice.choice([1, 30])))
                await shop.add(name, text, {"stays": False}, SMALL)
                here.append(name)
                if len(here) > 4:
                    await shop.collection.remove_file(here.pop(dice.randrange(len(here))))

        await gathered(*(search(eq("stays", True) if n % 2 else None) for n in range(8)), *(churn(n) for n in range(2)))
        assert set(counts) == {10}
        assert len(counts) >= 8
        hits = await shop.collection.search("norway", 50, where=eq("stays", True))
        assert {hit.file_id for hit in hits} == {f"stays{n}" for n in range(12)}


INDEXES = [
    "flat", "bm25", "hybrid", "hnsw", "ivf", "ivfpq", "faiss:IVF4,SQ8", "auto", "hybrid(ivfpq,bm25,rrf)",
]  # fmt: skip


class Life(RuleBasedStateMachine):
    """The model: file id -> (text, attributes). Texts are short, so each is one chunk, and equal ones share it."""

    files = st.sampled_from([f"f{n}" for n in range(5)])
    texts = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)
    attributes = st.fixed_dictionaries({}, optional={"lang": st.sampled_from(["en", "zh"]), "n": st.integers(0, 3)})
    wheres = st.sampled_from(
        [
            None,
            eq("lang", "en"),
            {"type": "gte", "key": "n", "value": 2},
            {"type": "or", "filters": [eq("lang", "zh"), {"type": "lt", "key": "n", "value": 1}]},
            {"type": "nin", "key": "n", "value": [0, 3]},
        ]
    )

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.model = {}

    def run(self, work):
        return self.loop.run_until_complete(work)

    @initialize(index=st.sampled_from(INDEXES))
    def start(self, index):
        import tempfile
        from pathlib import Path

        self.folder = tempfile.TemporaryDirectory()
        self.shop = Workshop(Path(self.folder.name), index=index)
        self.run(self.shop.open())

    @rule(file=files, text=texts, attributes=attributes)
    def add(self, file, text, attributes):
        assert self.run(self.shop.add(file, text, attributes)).status == "completed"
        self.model[file] = (text, attributes)

    @rule(file=files)
    def delete(self, file):
        assert self.run(self.shop.collection.remove_file(file)) == (self.model.pop(file, None) is not None)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), attributes=attributes)
    def change(self, data, attributes):
        file = data.draw(st.sampled_from(sorted(self.model)))
        self.run(self.shop.collection.set_attributes(file, attributes))
        self.model[file] = (self.model[file][0], attributes)

    @rule(folding=st.booleans())
    def reopen(self, folding):
        if folding:
            self.shop.collection.generation.fold_if_due(at_least=1)
        self.run(self.shop.reopen(folding=False))
        self.run(self.shop.collection.beside)

    @precondition(lambda self: len(self.shop.collection.lanes) < 4)
    @rule(index=st.sampled_from(INDEXES), chunking=st.sampled_from([None, SMALL]))
    def build(self, index, chunking):
        row = self.run(self.shop.build(index, chunking=chunking))
        assert row.status == "ready"
        assert row.metrics["recall_at_10"] in (1.0, None)

    @rule(data=st.data())
    def activate(self, data):
        id = data.draw(st.sampled_from(sorted(self.shop.collection.lanes)))
        self.run(activate(self.shop.collection, id))
        assert self.shop.collection.generation_id == id

    @precondition(lambda self: len(self.shop.collection.lanes) > 1)
    @rule(data=st.data())
    def remove(self, data):
        collection = self.shop.collection
        id = data.draw(st.sampled_from(sorted(collection.lanes.keys() - {collection.generation_id})))
        assert self.run(self.shop.database.write(lambda db: generations.remove(db, NAME, id)))
        collection.drop_lane(id)

    @rule(query=texts, where=wheres)
    def search(self, query, where):
        for lane in self.shop.collection.lanes.values():
            self.check(lane, query, where, self.run(self.shop.collection.search(query, 50, where=where, lane=lane)))

    def check(self, lane, query, where, hits):
        passes = filters.parse(where) if where is not None else lambda _: True
        allowed = {file: text for file, (text, attributes) in self.model.items() if passes(attributes)}
        assert len(hits) == len({hit.text for hit in hits})
        assert all(allowed[hit.file_id] == hit.text for hit in hits)
        assert all(hit.attributes == self.model[hit.file_id][1] for hit in hits)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
        wanted = set(terms(query))
        exact = {text for text in allowed.values() if wanted & set(terms(text))}
        every = set(allowed.values())
        assert exact <= {hit.text for hit in hits} <= every
        if lane.generation.spec.dense is not None and not lane.generation.spec.lexical:
            assert {hit.text for hit in hits} == every

    @invariant()
    def nothing_is_left_over(self):
        if not hasattr(self, "shop"):
            return
        texts = {text for text, _ in self.model.values()}
        lanes = list(self.shop.collection.lanes.values())
        ways = 1 + any(lane.chunking is not None for lane in lanes)
        counts = self.run(gathered(*(self.shop.count(table) for table in (content, chunk, embedding))))
        assert counts[:2] == [ways * len(texts), ways * len(texts)]
        assert [len(lane.generation) for lane in lanes] == [len(texts)] * len(lanes)
        assert counts[2] == (len(texts) if any(lane.generation.spec.dense for lane in lanes) else 0)

    def teardown(self):
        if hasattr(self, "shop"):
            self.run(self.shop.close(folding=False))
            self.folder.cleanup()
        self.loop.close()


TestLife = pytest.mark.slow(Life.TestCase)
TestLife.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


async def test_a_query_as_long_as_a_book_costs_the_embedder_a_page(tmp_path):
    lengths = []

    class Measuring(HashEmbedder):
        def embed(self, texts, *, kind):
            if kind == "query":
                lengths.extend(map(len, texts))
            return super().embed(texts, kind=kind)

    async with workshop(tmp_path, embedder=Measuring()) as shop:
        await shop.add("a", "The word at the very end is zebra.")
        await shop.add("b", "Nothing of the kind.")
        (first, *_) = await shop.collection.search("filler " * 40_000 + "zebra", 2)
    assert first.file_id == "a"
    assert lengths == [2_000]
