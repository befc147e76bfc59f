import asyncio

import pytest

from tests.server.conftest import make_store, put, search, serving, settled, upload

GERMANY = "Germany registered 524,219 battery electric cars in 2023. Subsidies ended in December."
NORWAY = "Norway reached a battery electric share of 82 percent of new cars."
CHINESE = "欧盟在2035年起禁止销售新的燃油车。这项政策推动了电动汽车市场的增长。"


async def test_what_is_added_is_found_with_its_place(client):
    store = await make_store(client)
    file_id, done = await put(client, store, "germany.md", GERMANY, attributes={"year": 2023, "lang": "en"})
    await put(client, store, "norway.txt", NORWAY)
    assert done["status"] == "completed"
    assert done["last_error"] is None
    (first, *_) = await search(client, store, "How many electric cars did Germany register?")
    assert (first["file_id"], first["filename"], first["attributes"]) == (
        file_id,
        "germany.md",
        {"year": 2023, "lang": "en"},
    )
    content = (await client.get(f"/v1/vector_stores/{store}/files/{file_id}/content")).json()["data"][0]["text"]
    assert content[first["start"] : first["end"]] == first["content"][0]["text"]
    assert 0 <= first["score"] <= 1


async def test_chinese_is_found(client):
    store = await make_store(client)
    await put(client, store, "germany.md", GERMANY)
    file_id, _ = await put(client, store, "政策.txt", CHINESE)
    (first, *_) = await search(client, store, "什么时候禁止销售燃油车？")
    assert (first["file_id"], first["filename"]) == (file_id, "政策.txt")


@pytest.mark.slow
async def test_filters_act_inside_the_search(client):
    store = await make_store(client)
    for n in range(30):
        await put(client, store, f"note-{n}.txt", f"{GERMANY} Note {n}.", attributes={"n": n, "even": n % 2 == 0})
    filters = {
        "type": "and",
        "filters": [{"type": "eq", "key": "even", "value": True}, {"type": "gte", "key": "n", "value": 20}],
    }
    hits = await search(client, store, "Germany electric cars", filters=filters, max_num_results=5)
    assert sorted(hit["attributes"]["n"] for hit in hits) == [20, 22, 24, 26, 28]
    assert {type(hit["attributes"]["n"]) for hit in hits} == {int}, "as it was given"


async def test_the_same_text_twice_is_indexed_once_and_outlives_its_first_file(client):
    store = await make_store(client)
    first, _ = await put(client, store, "a.txt", NORWAY, attributes={"copy": 1})
    second, _ = await put(client, store, "b.txt", NORWAY, attributes={"copy": 2})
    assert [hit["file_id"] for hit in await search(client, store, "Norway")] == [first]
    only_second = {"type": "eq", "key": "copy", "value": 2}
    assert [hit["file_id"] for hit in await search(client, store, "Norway", filters=only_second)] == [second]
    await client.delete(f"/v1/vector_stores/{store}/files/{first}")
    assert [hit["file_id"] for hit in await search(client, store, "Norway")] == [second]
    await client.delete(f"/v1/vector_stores/{store}/files/{second}")
    assert await search(client, store, "Norway") == []


async def test_adding_a_file_anew_replaces_its_chunks(client):
    store = await make_store(client)
    text = "\n\n".join(
        f"Paragraph {n}. " + "Electric cars need charging points along every road. " * 12 for n in range(12)
    )
    file_id, _ = await put(client, store, "long.txt", text)
    small = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}}
    before = await search(client, store, "charging points", max_num_results=50)
    await client.post(f"/v1/vector_stores/{store}/files", json={"file_id": file_id, "chunking_strategy": small})
    assert (await settled(client, store, file_id))["chunking_strategy"] == small
    after = await search(client, store, "charging points", max_num_results=50)
    assert len(after) > len(before)
    assert {hit["chunk_id"] for hit in after}.isdisjoint({hit["chunk_id"] for hit in before})


async def test_attributes_can_be_changed(client):
    store = await make_store(client)
    file_id, _ = await put(client, store, "a.txt", NORWAY)
    reply = await client.post(f"/v1/vector_stores/{store}/files/{file_id}", json={"attributes": {"lang": "en"}})
    assert reply.json()["attributes"] == {"lang": "en"}
    where = {"type": "eq", "key": "lang", "value": "en"}
    assert [hit["file_id"] for hit in await search(client, store, "Norway", filters=where)] == [file_id]


async def test_deleting_the_file_takes_it_out_of_every_store(client):
    stores = [await make_store(client, name) for name in ("one", "two")]
    file_id = await upload(client, "a.txt", NORWAY)
    for store in stores:
        await client.post(f"/v1/vector_stores/{store}/files", json={"file_id": file_id})
        await settled(client, store, file_id)
    assert (await client.delete(f"/v1/files/{file_id}")).json()["deleted"] is True
    for store in stores:
        assert await search(client, store, "Norway") == []
        assert (await client.get(f"/v1/vector_stores/{store}/files/{file_id}")).status_code == 404


async def test_all_is_there_after_a_restart(tmp_path):
    async with serving(tmp_path) as client:
        store = await make_store(client)
        kept, _ = await put(client, store, "germany.md", GERMANY)
        gone, _ = await put(client, store, "norway.txt", NORWAY)
        await client.delete(f"/v1/vector_stores/{store}/files/{gone}")
        before = await search(client, store, "electric cars")
    async with serving(tmp_path) as client:
        assert await search(client, store, "electric cars") == before
        assert [hit["file_id"] for hit in before] == [kept]


@pytest.mark.slow
async def test_an_ingest_cut_short_goes_on_after_a_restart(tmp_path):
    text = "\n\n".join(f"Section {n} speaks of chargers number {n * 7}." * 10 for n in range(200))
    async with serving(tmp_path) as client:
        store = await make_store(client)
        file_id = await upload(client, "long.txt", text)
        await client.post(f"/v1/vector_stores/{store}/files", json={"file_id": file_id})
    async with serving(tmp_path) as client:
        assert (await settled(client, store, file_id))["status"] == "completed"
        assert await search(client, store, "chargers")


@pytest.mark.slow
async def test_batches_are_followed_and_cancelled(client):
    store = await make_store(client)
    ids = [await upload(client, f"{n}.txt", f"{NORWAY} Copy {n}.") for n in range(6)]
    body = {"files": [{"file_id": id, "attributes": {"n": n}} for n, id in enumerate(ids)]}
    batch = (await client.post(f"/v1/vector_stores/{store}/file_batches", json=body)).json()
    async with asyncio.timeout(30):
        while batch["status"] == "in_progress":
            await asyncio.sleep(0.02)
            batch = (await client.get(f"/v1/vector_stores/{store}/file_batches/{batch['id']}")).json()
    assert batch["status"] == "completed"
    assert batch["file_counts"] == {"in_progress": 0, "completed": 6, "failed": 0, "cancelled": 0, "total": 6}
    listed = (await client.get(f"/v1/vector_stores/{store}/file_batches/{batch['id']}/files?order=asc")).json()
    assert [f["id"] for f in listed["data"]] == ids
    late = await client.post(f"/v1/vector_stores/{store}/file_batches/{batch['id']}/cancel")
    assert late.json() == batch
    long = [await upload(client, f"l{n}.txt", f"Long {n}. " + NORWAY * 400) for n in range(4)]
    second = (await client.post(f"/v1/vector_stores/{store}/file_batches", json={"file_ids": long})).json()
    cancelled = await client.post(f"/v1/vector_stores/{store}/file_batches/{second['id']}/cancel")
    assert cancelled.json()["status"] == "cancelled"
    assert cancelled.json()["file_counts"]["in_progress"] == 0


async def test_a_store_is_made_with_all_its_files_or_not_at_all(client):
    file_id = await upload(client, "norway.txt", NORWAY)
    reply = await client.post("/v1/vector_stores", json={"name": "half", "file_ids": [file_id, "file-none"]})
    assert (reply.status_code, reply.json()["error"]["param"]) == (404, "file_ids")
    assert (await client.get("/v1/vector_stores?name=half")).json()["data"] == []
    store = await make_store(client, "whole", file_ids=[file_id, file_id])
    assert (await settled(client, store, file_id))["status"] == "completed"
    assert (await search(client, store, "Norway"))[0]["file_id"] == file_id


async def test_pages_follow_cursors_both_ways(client):
    store = await make_store(client)
    ids = [await upload(client, f"{n}.txt", f"Text number {n}.") for n in range(5)]
    listed = (await client.get("/v1/files?limit=2&order=asc")).json()
    assert [f["id"] for f in listed["data"]] == ids[:2]
    assert listed["has_more"] is True
    after = (await client.get(f"/v1/files?limit=10&order=asc&after={ids[1]}")).json()
    assert [f["id"] for f in after["data"]] == ids[2:]
    assert after["has_more"] is False
    for n in range(3):
        await make_store(client, f"store {n}")
    newest = (await client.get("/v1/vector_stores?limit=2")).json()
    assert [s["name"] for s in newest["data"]] == ["store 2", "store 1"]
    back = (await client.get(f"/v1/vector_stores?limit=1&before={store}")).json()
    assert [s["name"] for s in back["data"]] == ["store 0"]


@pytest.mark.slow
async def test_a_search_during_ingest_is_never_short(client):
    store = await make_store(client)
    for n in range(12):
        await put(client, store, f"{n}.txt", f"{NORWAY} Number {n}.")
    more = [await upload(client, f"more-{n}.txt", f"{GERMANY} Number {n}. " * 20) for n in range(20)]
    await client.post(f"/v1/vector_stores/{store}/file_batches", json={"file_ids": more})

    async def searcher():
        for _ in range(15):
            hits = await search(client, store, "Norway battery electric share", max_num_results=10)
            assert len(hits) == 10

    await asyncio.gather(*(searcher() for _ in range(8)))


@pytest.mark.parametrize(
    "index", ["flat", "bm25", "hybrid", "hybrid(flat,bm25,rrf)", "hnsw", "hybrid(faiss:IVF64,PQ48x4fs,RFlat,bm25)"]
)
async def test_a_store_can_be_made_with_any_index(client, index):
    store = await make_store(client, sandtable={"index": index})
    file_id, _ = await put(client, store, "norway.txt", NORWAY)
    await put(client, store, "germany.md", GERMANY)
    assert (await search(client, store, "Norway share"))[0]["file_id"] == file_id


async def test_a_new_store_has_one_active_generation(client):
    store = await make_store(client, sandtable={"index": "bm25"})
    await put(client, store, "norway.txt", NORWAY)
    (only,) = (await client.get(f"/v1/vector_stores/{store}/generations")).json()["data"]
    assert (only["status"], only["spec"]["index"], only["progress"]) == ("active", "bm25", {"done": 1, "total": 1})
    assert (await client.get(f"/v1/vector_stores/{store}/generations/{only['id']}")).json() == only
    assert await search(client, store, "Norway", generation=only["id"])
    reply = await client.get(f"/v1/vector_stores/{store}/generations/gen_none")
    assert (reply.status_code, reply.json()["error"]["param"]) == (404, "generation_id")


async def test_a_flat_store_finds_what_lies_below_a_cosine_of_zero(client):
    store = await make_store(client, sandtable={"index": "flat"})
    for n, text in enumerate((NORWAY, GERMANY, "Zebra xylophone 88 !!", CHINESE)):
        await put(client, store, f"{n}.txt", text)
    assert len(await search(client, store, "recipe for onion soup with croutons")) == 4


async def test_a_file_deleted_while_stores_take_it_in_is_left_in_none(client):
    stores = [await make_store(client, f"s{n}") for n in range(6)]
    file_id = await upload(client, "a.txt", NORWAY)

    async def put_in(store):
        return await client.post(f"/v1/vector_stores/{store}/files", json={"file_id": file_id})

    adding = [asyncio.create_task(put_in(store)) for store in stores]
    deleted = await client.delete(f"/v1/files/{file_id}")
    replies = await asyncio.gather(*adding)
    assert deleted.json()["deleted"] is True
    assert {reply.status_code for reply in replies} <= {200, 404}
    for store in stores:
        assert (await client.get(f"/v1/vector_stores/{store}/files")).json()["data"] == []
        assert await search(client, store, "Norway") == []


async def test_a_store_deleted_while_it_is_used_is_gone_and_nothing_breaks(client):
    store = await make_store(client)
    ids = [await upload(client, f"{n}.txt", f"{NORWAY} {n}.") for n in range(8)]
    await client.post(f"/v1/vector_stores/{store}/file_batches", json={"file_ids": ids})

    async def use():
        replies = []
        for _ in range(6):
            replies.append(await client.post(f"/v1/vector_stores/{store}/search", json={"query": "Norway"}))
            replies.append(await client.post(f"/v1/vector_stores/{store}/files", json={"file_id": ids[0]}))
        return replies

    using = [asyncio.create_task(use()) for _ in range(3)]
    await asyncio.sleep(0)
    assert (await client.delete(f"/v1/vector_stores/{store}")).json()["deleted"] is True
    replies = [reply for one in await asyncio.gather(*using) for reply in one]
    assert {reply.status_code for reply in replies} <= {200, 404}
    assert replies[-1].json()["error"]["param"] == "vector_store_id"
    other = await make_store(client)
    _, done = await put(client, other, "after.txt", NORWAY)
    assert done["status"] == "completed"
    services = client.app.state.services
    assert not (services.data_dir / "collections" / store).exists()
