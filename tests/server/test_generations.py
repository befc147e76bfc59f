"""Generations over HTTP: built behind the one that serves, measured, judged, activated, rolled back, removed."""

import asyncio
import json

import pytest

from tests.server.conftest import make_store, put, search, serving, settled, upload

WORDS = ["harbour", "ferry", "winter", "battery", "charger", "grid", "saga", "norway", "港口", "渔船", "market", "road"]


def text(n):
    return f"Note {n} tells of {' and '.join(WORDS[(n * step) % len(WORDS)] for step in (1, 2, 5))}, number {n * 7919}."


async def filled(client, count=30, **fields):
    store = await make_store(client, **fields)
    ids = [await upload(client, f"{n}.txt", text(n)) for n in range(count)]
    reply = await client.post(f"/v1/vector_stores/{store}/file_batches", json={"file_ids": ids})
    assert reply.status_code == 200, reply.text
    for id in ids:
        assert (await settled(client, store, id))["status"] == "completed"
    return store, ids


async def create(client, store, **fields):
    reply = await client.post(f"/v1/vector_stores/{store}/generations", json=fields)
    assert reply.status_code == 202, reply.text
    return reply.json()


async def one(client, store, generation):
    return (await client.get(f"/v1/vector_stores/{store}/generations/{generation}")).json()


async def ended(client, store, generation, seconds=60):
    async with asyncio.timeout(seconds):
        while True:
            found = await one(client, store, generation)
            if found["status"] not in ("queued", "building", "measuring"):
                return found
            await asyncio.sleep(0.02)


async def activate(client, store, generation, **body):
    return await client.post(f"/v1/vector_stores/{store}/generations/{generation}/activate", json=body)


async def active(client, store):
    return (await client.get(f"/v1/vector_stores/{store}")).json()["sandtable"]["active_generation"]


def found(hits):
    return [(hit["file_id"], hit["start"], hit["end"]) for hit in hits]


async def test_a_swap_and_the_way_back(client):
    store, ids = await filled(client)
    await search(client, store, "Which note tells of the harbour?")
    first = await active(client, store)
    made = await create(client, store, index="hnsw", gate={"min_recall_at_10": 0.9})
    assert made["status"] in ("queued", "building")
    assert made["spec"] == {"index": "hnsw", "embedder": "minilm", "chunking": None}
    ready = await ended(client, store, made["id"])
    assert ready["status"] == "ready", ready
    assert (ready["gate"]["min_recall_at_10"], ready["target_recall"]) == (0.9, None)
    metrics = ready["metrics"]
    assert metrics["recall_at_10"] == 1.0
    assert (metrics["n_queries"] >= 20, metrics["n_asked"]) == (True, 1)
    assert 0 < metrics["p50_ms"] <= metrics["p99_ms"]
    assert all(metrics[name] > 0 for name in ("qps", "bytes_per_vector", "build_s", "disk_bytes"))
    assert ready["progress"] == {"done": 30, "total": 30}
    assert (await one(client, store, first))["metrics"]["p50_ms"] > 0
    before = found(await search(client, store, "ferry in winter"))

    reply = await activate(client, store, made["id"])
    assert (reply.status_code, reply.json()["status"]) == (200, "active")
    assert await active(client, store) == made["id"]
    assert (await one(client, store, first))["status"] == "retired"
    file_id, _ = await put(client, store, "new.txt", "A zebra stands at the harbour of Narvik.")
    await client.delete(f"/v1/vector_stores/{store}/files/{ids[0]}")
    for generation in (first, made["id"], "active"):
        hits = await search(client, store, "zebra at the harbour", generation=generation, max_num_results=50)
        assert hits[0]["file_id"] == file_id
        assert {hit["file_id"] for hit in hits} == {file_id, *ids[1:]}

    assert (await activate(client, store, first)).json()["status"] == "active"
    after = [hit for hit in found(await search(client, store, "ferry in winter", max_num_results=20)) if hit in before]
    assert after == [hit for hit in before if hit[0] != ids[0]]
    assert (await client.delete(f"/v1/vector_stores/{store}/generations/{made['id']}")).json()["deleted"] is True
    listed = (await client.get(f"/v1/vector_stores/{store}/generations")).json()["data"]
    assert [row["id"] for row in listed] == [first]
    folder = client.app.state.services.data_dir / "collections" / store
    assert {path.name for path in folder.iterdir()} <= {first}


@pytest.mark.slow
async def test_a_gate_that_is_missed_is_told_with_its_figures_and_may_be_forced(client):
    store, _ = await filled(client)
    made = await create(client, store, index="flat", gate={"max_p99_ms": 0.0001})
    ready = await ended(client, store, made["id"])
    reply = await activate(client, store, made["id"])
    error = reply.json()["error"]
    assert (reply.status_code, error["code"], error["param"]) == (409, "gate_failed", "force")
    assert f"p99_ms is {ready['metrics']['p99_ms']}, max_p99_ms asks for 0.0001" in error["message"]
    forced = (await activate(client, store, made["id"], force=True)).json()
    assert forced["status"] == "active"
    assert forced["notes"][-1].startswith("activated by force: p99_ms is ")


@pytest.mark.slow
async def test_chunking_is_an_axis_of_its_own(client):
    store = await make_store(client)
    long = "\n\n".join(f"{text(n)} " * 12 for n in range(12))
    file_id, _ = await put(client, store, "long.txt", long)
    await put(client, store, "copy.txt", long)
    sizes = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}}
    made = await ended(client, store, (await create(client, store, chunking=sizes))["id"])
    assert made["status"] == "ready", made
    assert made["spec"]["chunking"] == sizes
    first = await one(client, store, await active(client, store))
    assert made["progress"]["total"] > first["progress"]["total"] > 1
    own = await search(client, store, text(5), max_num_results=3)
    cut = await search(client, store, text(5), max_num_results=3, generation=made["id"])
    assert all(long[hit["start"] : hit["end"]] == hit["content"][0]["text"] for hit in own + cut)
    assert max(len(hit["content"][0]["text"]) for hit in cut) < min(len(hit["content"][0]["text"]) for hit in own)
    await activate(client, store, made["id"])
    other, _ = await put(client, store, "other.txt", f"{long}\n\nThe zebra of part two.")
    assert (await search(client, store, "zebra of part two"))[0]["file_id"] == other
    for gone in (file_id, other):
        await client.delete(f"/v1/vector_stores/{store}/files/{gone}")
    for generation in (made["id"], first["id"]):
        hits = await search(client, store, text(5), max_num_results=50, generation=generation)
        assert {hit["filename"] for hit in hits} == {"copy.txt"}
    kept = await ended(client, store, (await create(client, store, chunking=None))["id"])
    assert kept["spec"]["chunking"] is None
    await activate(client, store, first["id"])
    await client.delete(f"/v1/vector_stores/{store}/generations/{made['id']}")
    assert (await one(client, store, first["id"]))["progress"] == kept["progress"]


async def test_the_axes_that_are_not_named_stay_as_they_are(client):
    store, _ = await filled(client, 3, sandtable={"index": "bm25"})
    made = await create(client, store)
    assert made["spec"] == {"index": "bm25", "embedder": "minilm", "chunking": None}
    ready = await ended(client, store, made["id"])
    assert (ready["status"], ready["metrics"]["recall_at_10"], ready["metrics"]["bytes_per_vector"]) == (
        "ready",
        1.0,
        None,
    )


async def test_an_empty_collection_can_be_swapped(client):
    store = await make_store(client)
    ready = await ended(client, store, (await create(client, store, index="ivfpq"))["id"])
    assert (ready["status"], ready["metrics"]["n_queries"]) == ("ready", 0)
    assert (await activate(client, store, ready["id"])).status_code == 200
    await put(client, store, "a.txt", text(1))
    assert len(await search(client, store, "note")) == 1


@pytest.mark.slow
async def test_generations_survive_a_restart(tmp_path):
    async with serving(tmp_path) as client:
        store, ids = await filled(client, 12)
        first = await active(client, store)
        made = await ended(client, store, (await create(client, store, index="hybrid(hnsw,bm25,rrf)"))["id"])
        await activate(client, store, made["id"])
        before = found(await search(client, store, "grid battery"))
        known = (await client.get(f"/v1/vector_stores/{store}/generations")).json()["data"]
        assert [one["progress"] for one in known] == [{"done": 12, "total": 12}] * 2
    async with serving(tmp_path) as client:
        # The store is not loaded: the database is asked.
        assert (await client.get(f"/v1/vector_stores/{store}/generations")).json()["data"] == known
        assert await search(client, store, "grid", generation=first)  # not the active one: loaded behind it
        assert await active(client, store) == made["id"]
        assert found(await search(client, store, "grid battery")) == before
        assert (await one(client, store, made["id"]))["metrics"] == made["metrics"]
        assert (await activate(client, store, first)).json()["status"] == "active"
        assert {hit["file_id"] for hit in await search(client, store, "note", max_num_results=50)} == set(ids)


@pytest.mark.slow
async def test_what_a_process_left_unfinished_is_built(tmp_path):
    async with serving(tmp_path) as client:
        store, _ = await filled(client, 5)
        services = client.app.state.services
        await services.builds.stop()
        made = await create(client, store, index="hnsw")
        assert (await one(client, store, made["id"]))["status"] == "queued"
    (tmp_path / "collections" / store / "gen_of_nobody" / "base-1").mkdir(parents=True)
    (tmp_path / "collections" / "vs_of_nobody" / "gen_1").mkdir(parents=True)
    async with serving(tmp_path) as client:
        assert (await ended(client, store, made["id"]))["status"] == "ready"
    kept = {path.name for path in (tmp_path / "collections").rglob("*") if path.is_dir()}
    assert not {"gen_of_nobody", "vs_of_nobody"} & kept


async def test_a_build_is_cancelled_and_leaves_nothing(client):
    store, _ = await filled(client, 5)
    services = client.app.state.services
    await services.collections.get(store)
    release = asyncio.Event()
    held = asyncio.create_task(_hold(await services.collections.get(store), release))
    await asyncio.sleep(0)
    made = await create(client, store, index="hnsw")
    cancelled = asyncio.create_task(client.post(f"/v1/vector_stores/{store}/generations/{made['id']}/cancel"))
    async with asyncio.timeout(20):
        while (await one(client, store, made["id"]))["status"] != "cancelled":
            await asyncio.sleep(0.01)
    release.set()
    await held
    reply = await cancelled
    assert (reply.status_code, reply.json()["status"]) == (200, "cancelled")
    assert not (services.data_dir / "collections" / store / made["id"]).exists()
    for route, code in (("cancel", "generation_not_building"), ("activate", "generation_not_ready")):
        reply = await client.post(f"/v1/vector_stores/{store}/generations/{made['id']}/{route}", json={})
        assert (reply.status_code, reply.json()["error"]["code"]) == (409, code)
    assert len(await search(client, store, "note", max_num_results=50)) == 5
    await client.delete(f"/v1/vector_stores/{store}/generations/{made['id']}")
    assert (await client.get(f"/v1/vector_stores/{store}/generations/{made['id']}")).status_code == 404


async def _hold(collection, release):
    """As a write that takes long: a build cannot end meanwhile."""
    async with collection.changing:
        await release.wait()


@pytest.mark.slow
async def test_a_collection_goes_with_the_build_that_is_under_way(client):
    store, _ = await filled(client, 5)
    await create(client, store, index="hnsw")
    await create(client, store, index="ivf")
    assert (await client.delete(f"/v1/vector_stores/{store}")).status_code == 200
    assert not (client.app.state.services.data_dir / "collections" / store).exists()
    other, _ = await filled(client, 3, name="other")
    assert (await ended(client, other, (await create(client, other, index="hnsw"))["id"]))["status"] == "ready"


REFUSED = [
    ({"index": "magic"}, "index", "invalid_index"),
    ({"index": "faiss:IVF16,PQ7"}, "index", "invalid_index"),
    ({"embedder": "/no/such/model"}, "embedder", "embedder_missing"),
    ({"target_recall": 1.5}, "target_recall", None),
    ({"gate": {"min_recall": 0.9}}, "gate.min_recall", "unknown_parameter"),
    ({"gate": {"max_p99_ms": 0}}, "gate.max_p99_ms", None),
    ({"chunking": {"type": "static", "static": {"max_chunk_size_tokens": 5, "chunk_overlap_tokens": 0}}}, None, None),
    ({"indx": "flat"}, "indx", "unknown_parameter"),
]


@pytest.mark.parametrize(("body", "param", "code"), REFUSED, ids=[json.dumps(row[0])[:50] for row in REFUSED])
async def test_what_cannot_be_built_is_refused_by_name(client, body, param, code):
    store = await make_store(client)
    reply = await client.post(f"/v1/vector_stores/{store}/generations", json=body)
    assert reply.status_code == 400, reply.text
    error = reply.json()["error"]
    assert param is None or error["param"] == param
    assert code is None or error["code"] == code


async def test_a_limit_that_is_no_number_is_refused(client):
    store = await make_store(client)
    path, kind = f"/v1/vector_stores/{store}/generations", {"content-type": "application/json"}
    reply = await client.post(path, content='{"gate": {"max_p99_ms": Infinity}}', headers=kind)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "gate.max_p99_ms"), reply.text


async def test_the_active_generation_stays(client):
    store = await make_store(client)
    first = await active(client, store)
    reply = await client.delete(f"/v1/vector_stores/{store}/generations/{first}")
    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "generation_active")
    assert (await activate(client, store, first)).status_code == 200
    for path in ("gen_none/activate", "gen_none/cancel"):
        reply = await client.post(f"/v1/vector_stores/{store}/generations/{path}", json={})
        assert (reply.status_code, reply.json()["error"]["param"]) == (404, "generation_id")
    reply = await client.post(f"/v1/vector_stores/{store}/search", json={"query": "x", "generation": "gen_none"})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "generation")


@pytest.mark.parametrize("count", [1, 5])
async def test_a_target_of_recall_is_noted(client, count):
    store, _ = await filled(client, count)
    made = await ended(client, store, (await create(client, store, index="hnsw", target_recall=0.95))["id"])
    assert (made["status"], made["metrics"]["recall_at_10"]) == ("ready", 1.0)


async def test_a_search_tells_what_it_looked_through(client):
    store = await make_store(client, sandtable={"index": "hybrid(hnsw,bm25)"})
    for n in range(4):
        await put(client, store, f"{n}.txt", text(n), attributes={"n": n})
    body = {"query": "ferry", "explain": True, "filters": {"type": "gte", "key": "n", "value": 3}}
    page = (await client.post(f"/v1/vector_stores/{store}/search", json=body)).json()
    assert page["explain"] == {
        "index": "hybrid(hnsw:32,bm25)",
        "chunks": 4,
        "allowed": 1,
        "halves": {"dense": "exact", "lexical": "exact"},
        "fusion": "calibrated",
    }
    assert page["generation"] == await active(client, store)
    assert page["data"][0]["explain"]["dense_rank"] == 1
    plain = (await client.post(f"/v1/vector_stores/{store}/search", json={"query": "ferry"})).json()
    assert "explain" not in plain
