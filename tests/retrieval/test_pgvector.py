"""Generations in a real PostgreSQL: as those on disk, and while it goes away and comes back."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import numpy as np
import psycopg
import pytest

from retrieval.activation import activate
from retrieval.errors import BadIndexSpec, IndexUnavailable
from retrieval.indexes.pgvector import PgvectorIndex, check
from retrieval.indexes.postgres import Postgres
from retrieval.pace import Pace, Stopped
from tests.postgres import PostgresServer
from tests.retrieval.test_collection import eq
from tests.retrieval.test_swap import Wide, text
from tests.retrieval.workshop import found, workshop

SPECS = ("pgvector", "hybrid(pgvector,bm25)")


@pytest.fixture
def engine(postgres):
    """Tables of a test's own, as a data directory has them."""
    made = Postgres(postgres.url, f"test_{uuid4().hex}")
    yield made
    made.close()


@pytest.fixture(scope="module")
def own_server(postgres):
    """One that may be stopped."""
    server = PostgresServer()
    yield server
    server.close()


def unit(rows, dimension, seed=0):
    made = np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32)
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def opened(engine, vectors, name="gen_x", **more):
    index = PgvectorIndex("pgvector:16", vectors.shape[1], engine, name, **more)
    index.open()
    index.add(np.arange(len(vectors)), vectors)
    index.settle()
    return index


def recall(index, queries, allow=None):
    _, approximate = index.search(queries, 10, allow)
    _, exact = index.search_exactly(queries, 10, allow)
    return np.mean([len(set(a) & set(e)) / len(e) for a, e in zip(approximate.tolist(), exact.tolist(), strict=True)])


@pytest.mark.slow
def test_the_graph_finds_what_is_near_and_filters_are_inside_of_it(engine):
    vectors, queries = unit(2_500, 48), unit(20, 48, seed=1)
    index = opened(engine, vectors)
    assert index.looks == (64, 1000)
    assert [index.approximates(n) for n in (4, 1_000, 2_262, 2_263)] == [False, False, False, True]
    assert recall(index, queries) >= 0.9
    few = np.array([17, 940, 2048, 2499])
    scores, ids = index.search(queries, 10, few)
    assert [set(row) - {-1} for row in ids.tolist()] == [set(few.tolist())] * 20
    assert scores[:, :4] == pytest.approx(-np.sort(-(queries @ vectors[few].T)), abs=1e-5)
    most = np.flatnonzero(np.arange(2_500) % 16)
    _, ids = index.search(queries, 10, most)
    assert np.isin(ids, most).all()
    assert recall(index, queries, most) >= 0.9
    graph, everything = index.table.sizes()
    assert 2_500 * 48 * 4 < graph < everything


def test_more_dimensions_than_a_graph_of_whole_vectors_takes(engine):
    vectors, queries = unit(200, 2_100), unit(5, 2_100, seed=1)
    index = opened(engine, vectors, compares_all=lambda allowed, rows: False)
    scores, ids = index.search(queries, 3)
    assert scores[:, 0] == pytest.approx((queries @ vectors.T).max(axis=1), abs=1e-5)
    assert ids[:, 0].tolist() == (queries @ vectors.T).argmax(axis=1).tolist()
    check("pgvector:16", 4_000)
    with pytest.raises(BadIndexSpec, match="at most 4,000 dimensions, the embedder's have 4,096"):
        check("pgvector:16", 4_096)


def test_a_table_of_other_vectors_is_made_anew(engine):
    opened(engine, unit(5, 8), about="model-1")
    again = PgvectorIndex("pgvector:16", 8, engine, "gen_x", "model-1")
    assert again.open().tolist() == [0, 1, 2, 3, 4]
    for index in (
        PgvectorIndex("pgvector:16", 8, engine, "gen_x", "model-2"),
        PgvectorIndex("pgvector:16", 9, engine, "gen_x", "model-2"),
    ):
        assert index.open().tolist() == []
    assert engine.tables() == ["gen_x"]


def test_the_building_of_a_graph_tells_how_far_it_is_and_can_be_stopped(engine):
    index = PgvectorIndex("pgvector:100", 256, engine, "gen_x")
    index.open()
    index.add(np.arange(6_000), unit(6_000, 256))
    told = []
    pace = Pace(told=lambda done, total: (told.append((done, total)), pace.stop()))
    with pytest.raises(Stopped):
        index.settle(pace)
    assert told[0][1] == 6_000
    assert not index.approximates(6_000)
    assert len(index.search(unit(1, 256, seed=2), 10)[1][0]) == 10


def test_what_a_killed_process_left_running_is_waited_for(engine, postgres):
    """PostgreSQL goes on with a statement whose client is gone: here, the building of the graph."""
    vectors = unit(50, 8)
    index = PgvectorIndex("pgvector:16", 8, engine, "gen_x")
    index.open()
    index.add(np.arange(50), vectors)
    again = PgvectorIndex("pgvector:16", 8, engine, "gen_x", compares_all=lambda allowed, rows: False)
    with psycopg.connect(postgres.url) as left, psycopg.connect(postgres.url, autocommit=True) as watching:
        left.execute(f"CREATE INDEX gen_x_graph ON {engine.schema}.gen_x USING hnsw (v vector_ip_ops)")

        def start():
            again.open()
            again.settle()

        with ThreadPoolExecutor(1) as pool:
            started = pool.submit(start)
            while not watching.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()[0]:
                assert not started.done()
            left.commit()
            started.result(30)
    assert again.approximates(50)
    assert again.search(vectors[:5], 1)[1].ravel().tolist() == [0, 1, 2, 3, 4]


@pytest.mark.slow
def test_a_filter_that_keeps_a_thousandth_finds_what_is_true_and_none_costs_recall(engine):
    """Queries far from all data are the hardest for a graph: some .82 without a filter. A tenth is compared."""
    places = np.random.default_rng(4)
    clouds = unit(200, 64, seed=3)[places.integers(0, 200, 20_000)] + 0.64 * unit(20_000, 64, seed=5)
    vectors = (clouds / np.linalg.norm(clouds, axis=1, keepdims=True)).astype(np.float32)
    index = opened(engine, vectors)
    near = vectors[places.integers(0, 20_000, 100)] + 0.3 * unit(100, 64, seed=9)
    far = unit(100, 64, seed=6)
    unfiltered = recall(index, far)
    for one_in in (1_000, 100, 10, 3, 2):
        allow = np.arange(0, 20_000, one_in)
        _, ids = index.search(far, 10, allow)
        assert np.isin(ids, allow).all()
        assert recall(index, far, allow) >= (0.99 if one_in >= 10 else unfiltered - 0.01), one_in
        assert recall(index, near.astype(np.float32), allow) >= 0.99, one_in


@pytest.mark.slow
async def test_swap_write_roll_back_and_restart(tmp_path, engine):
    async with workshop(tmp_path, index="flat", postgres=engine) as shop:
        for n in range(30):
            await shop.add(f"f{n}", text(n), {"rare": n == 7})
        before = found(await shop.collection.search("norway battery", 5))
        rows = [await shop.build(spec, gate={"min_recall_at_10": 0.9}) for spec in SPECS]
        assert [row.status for row in rows] == ["ready", "ready"]
        for row in rows:
            assert row.metrics["recall_at_10"] == 1.0
            assert row.metrics["disk_bytes"] > 30 * 4 * 32
            assert row.metrics["bytes_per_vector"] > 0
            await activate(shop.collection, row.id)
        assert sorted(engine.tables()) == sorted(row.id for row in rows)
        await shop.add("late", "norway battery zebra")
        await shop.collection.remove_file("f3")
        made = shop.embedder.embedded["document"]
        for _ in range(2):
            await shop.collection.beside
            for lane in shop.collection.lanes.values():
                hits = await shop.collection.search("norway battery zebra", 50, lane=lane)
                assert hits[0].file_id == "late"
                assert {hit.file_id for hit in hits} == {"late", *(f"f{n}" for n in range(30) if n != 3)}
                rare = await shop.collection.search("norway", 5, where=eq("rare", True), lane=lane)
                assert [hit.file_id for hit in rare] == ["f7"]
            assert shop.collection.active.id == rows[1].id
            await shop.reopen(folding=False)
        assert shop.embedder.embedded["document"] == made
        await shop.collection.beside
        await activate(shop.collection, "gen_1")
        await shop.collection.remove_file("late")
        await shop.add("f3", text(3), {"rare": False})
        assert [b[1:] for b in found(await shop.collection.search("norway battery", 5))] == [b[1:] for b in before]


@pytest.mark.parametrize("index", SPECS)
async def test_a_file_is_completed_no_sooner_than_it_is_found(tmp_path, engine, postgres, index):
    """Its vectors take longer than elsewhere: here, as long as somebody locks the table."""
    async with workshop(tmp_path, index=index, postgres=engine) as shop:
        await shop.add("a", text(1))
        with psycopg.connect(postgres.url) as left, psycopg.connect(postgres.url, autocommit=True) as watching:
            left.execute(f"LOCK TABLE {engine.schema}.gen_1 IN EXCLUSIVE MODE")
            adding = asyncio.create_task(shop.add("b", "a zebra"))
            while not watching.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()[0]:
                assert not adding.done()
                await asyncio.sleep(0.01)
            assert (await shop.document("b")).status == "in_progress"
            left.rollback()
            assert (await adding).status == "completed"
        assert [hit.file_id for hit in await shop.collection.search("zebra", 1)] == ["b"]


async def test_another_embedder_in_a_table_of_its_own(tmp_path, engine):
    async with workshop(tmp_path, index="pgvector", postgres=engine) as shop:
        shop.others["wide"] = Wide("wide-1")
        await shop.add("a", text(1))
        row = await shop.build("pgvector", embedder="wide")
        await activate(shop.collection, row.id)
        await shop.add("b", text(2))
        for lane in shop.collection.lanes.values():
            assert {hit.file_id for hit in await shop.collection.search("norway", 5, lane=lane)} == {"a", "b"}
        assert sorted(engine.tables()) == sorted(["gen_1", row.id])


@pytest.mark.slow
@pytest.mark.parametrize("index", SPECS)
async def test_away_and_back(tmp_path, own_server, index):
    """What is asked of the active one fails by name; what others miss they catch up with; nothing is lost."""
    engine = Postgres(own_server.url, f"away_{uuid4().hex}")
    async with workshop(tmp_path, index=index, postgres=engine) as shop:
        for n in range(8):
            await shop.add(f"f{n}", text(n))
        row = await shop.build("flat")
        pointed = shop.collection.active
        own_server.stop()
        with pytest.raises(IndexUnavailable, match="SANDTABLE_PGVECTOR_URL"):
            await shop.collection.search("norway", 5)
        with pytest.raises(IndexUnavailable, match="SANDTABLE_PGVECTOR_URL"):
            await shop.collection.remove_file("f1")
        refused = await shop.add("new", text(40))
        assert refused.status == "failed"
        assert "SANDTABLE_PGVECTOR_URL" in refused.error_message
        # The way out that is always there; from now on the engine is another's.
        await activate(shop.collection, row.id)
        with pytest.raises(IndexUnavailable):
            await activate(shop.collection, pointed.id)
        assert (await shop.add("new", text(40))).status == "completed"
        assert await shop.collection.remove_file("f1")
        assert (await shop.build("hnsw")).status == "ready"
        wanted = {"new", *(f"f{n}" for n in range(8) if n != 1)}
        assert {hit.file_id for hit in await shop.collection.search("norway", 50)} == wanted
        own_server.start()
        await activate(shop.collection, pointed.id)
        assert {hit.file_id for hit in await shop.collection.search("norway", 50)} == wanted
        assert len(pointed.generation) == 8


@pytest.mark.slow
async def test_away_at_the_start_and_back(tmp_path, own_server):
    engine = Postgres(own_server.url, f"away_{uuid4().hex}")
    async with workshop(tmp_path, index="flat", postgres=engine) as shop:
        await shop.add("a", text(1))
        row = await shop.build("hybrid(pgvector,bm25)")
        await activate(shop.collection, row.id)
        await shop.close(folding=False)
        own_server.stop()
        await shop.open()
        with pytest.raises(IndexUnavailable):
            await shop.collection.search("norway", 5)
        await activate(shop.collection, "gen_1")
        await shop.add("b", text(2))
        own_server.start()
        lane = shop.collection.lanes[row.id]
        hits = await asyncio.gather(*(shop.collection.search("norway", 5, lane=lane) for _ in range(8)))
        assert [{hit.file_id for hit in some} for some in hits] == [{"a", "b"}] * 8
        assert (await shop.generation(row.id)).status == "retired"


@pytest.mark.slow
async def test_a_crash_in_the_middle_of_searches_loses_nothing(tmp_path, own_server):
    engine = Postgres(own_server.url, f"away_{uuid4().hex}")
    async with workshop(tmp_path, index="pgvector", postgres=engine) as shop:
        for n in range(8):
            await shop.add(f"f{n}", text(n))
        before, outcomes, over = found(await shop.collection.search("norway", 5)), [], asyncio.Event()

        async def searching():
            while not over.is_set():
                try:
                    outcomes.append(found(await shop.collection.search("norway", 5)) == before)
                except IndexUnavailable:
                    outcomes.append("away")
                    await asyncio.sleep(0.01)

        async def crash():
            while not outcomes:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(own_server.kill)
            while "away" not in outcomes:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(own_server.start)
            over.set()

        await asyncio.gather(crash(), *(searching() for _ in range(4)))
        assert set(outcomes) == {True, "away"}
        assert found(await shop.collection.search("norway", 5)) == before


async def test_a_table_that_is_lost_is_made_again(tmp_path, engine):
    async with workshop(tmp_path, index="pgvector", postgres=engine) as shop:
        for n in range(8):
            await shop.add(f"f{n}", text(n))
        before = found(await shop.collection.search("norway", 5))
        engine.drop("gen_1")
        assert found(await shop.collection.search("norway", 5)) == before
        engine.run(lambda link: link.execute(f"DROP SCHEMA {engine.schema} CASCADE"))
        assert (await shop.add("new", text(40))).status == "completed"
        assert len(await shop.collection.search("norway", 50)) == 9


async def test_a_build_without_its_engine_fails_with_the_reason(tmp_path):
    async with workshop(tmp_path, index="flat") as shop:
        await shop.add("a", text(1))
        with pytest.raises(IndexUnavailable, match="SANDTABLE_PGVECTOR_URL"):
            await shop.build("pgvector")
        assert [hit.file_id for hit in await shop.collection.search("norway", 5)] == ["a"]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://u:secret@127.0.0.1:1/x", "Connection refused"),
        ("postgresql://u:secret@127.0.0.1:no/x", "no address of a PostgreSQL|invalid"),
        ("postgresql://u:secret@/x?nonsense=1", "no address of a PostgreSQL"),
    ],
)
def test_an_address_that_is_wrong_is_told_without_its_password(url, says):
    with pytest.raises(IndexUnavailable, match=says) as caught:
        Postgres(url, "x").check()
    assert "SANDTABLE_PGVECTOR_URL" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_database_without_the_extension_says_how_to_make_it(postgres, engine):
    engine.check()
    engine.run(lambda link: link.execute("CREATE ROLE guest LOGIN"))
    engine.run(lambda link: link.execute("CREATE DATABASE bare OWNER guest"))
    guest = Postgres(f"postgresql://guest@127.0.0.1:{postgres.port}/bare", "x")
    with pytest.raises(IndexUnavailable, match="CREATE EXTENSION vector"):
        guest.check()
    owner = Postgres(f"postgresql://sandtable@127.0.0.1:{postgres.port}/bare", "x")
    owner.check()
    guest.check()
    guest.close()
    owner.close()


def test_a_connection_in_use_at_the_end_is_closed_when_it_is_handed_back(postgres):
    engine, links = Postgres(postgres.url, "x"), []
    engine.run(lambda link: (links.append(link), engine.close()))
    assert links[0].connection.closed
