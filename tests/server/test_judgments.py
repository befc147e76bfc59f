"""Judgments over HTTP, what generations are worth by them, and the gate that asks."""

import pytest

from tests.server.conftest import make_store, put
from tests.server.test_generations import activate, active, create, ended, filled, text


async def judge(client, store, *rows):
    return await client.post(f"/v1/vector_stores/{store}/judgments", json={"judgments": list(rows)})


async def evaluate(client, store, **body):
    return await client.post(f"/v1/vector_stores/{store}/evaluate", json=body)


@pytest.mark.slow
async def test_generations_are_compared_on_the_judged_queries(client):
    store, ids = await filled(client, 12)
    rows = [{"query": text(n), "file_id": ids[n], "grade": 1} for n in range(12)]
    reply = await judge(client, store, *rows)
    assert reply.status_code == 200, reply.text
    assert reply.json()["data"] == [{**row, "start": None, "end": None} for row in rows]
    made = await ended(client, store, (await create(client, store, index="bm25"))["id"])
    assert (made["metrics"]["ndcg_at_10"], made["metrics"]["mrr_at_10"]) == (1.0, 1.0)
    found = (await evaluate(client, store)).json()
    assert (found["n_queries"], found["k"], found["active_generation"]) == (12, 10, await active(client, store))
    first, second = found["data"]
    assert first["versus_active"] is None
    assert second["generation"] == made["id"]
    assert second["metrics"]["recall"] == {"mean": 1.0, "low": 1.0, "high": 1.0}
    assert second["versus_active"]["ndcg"]["p_value"] == 1.0
    only = (await evaluate(client, store, generations=[made["id"]], k=1)).json()
    assert [one["generation"] for one in only["data"]] == [made["id"]]


@pytest.mark.slow
async def test_a_worse_generation_does_not_pass_the_gate_of_the_judges(client):
    store = await make_store(client, sandtable={"index": "bm25"})
    rows = []
    for n in range(12):
        # Words that say nothing: their vectors cannot tell these files apart, their spelling can.
        file_id, _ = await put(client, store, f"{n}.txt", f"zq{n * 7919:06d}x " * 3 + "qqq zzz")
        rows.append({"query": f"zq{n * 7919:06d}x", "file_id": file_id, "grade": 3})
    await judge(client, store, *rows)
    made = await ended(client, store, (await create(client, store, index="flat", gate={"no_worse_ndcg": True}))["id"])
    assert made["status"] == "ready", made
    if made["metrics"]["ndcg_at_10"] < 0.7:
        reply = await activate(client, store, made["id"])
        assert (reply.status_code, reply.json()["error"]["code"]) == (409, "gate_failed")
        assert "no_worse_ndcg asks for no loss at alpha 0.05" in reply.json()["error"]["message"]
    same = await ended(client, store, (await create(client, store, index="bm25", gate={"no_worse_ndcg": True}))["id"])
    assert (await activate(client, store, same["id"])).status_code == 200


@pytest.mark.slow
async def test_stretches_survive_another_chunking(client):
    store = await make_store(client)
    long = "\n\n".join(f"{text(n)} " * 12 for n in range(12))
    file_id, _ = await put(client, store, "long.txt", long)
    start = long.index(text(7))
    row = {"query": text(7), "file_id": file_id, "start": start, "end": start + len(text(7)), "grade": 1}
    assert (await judge(client, store, row)).status_code == 200
    sizes = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}}
    await ended(client, store, (await create(client, store, chunking=sizes))["id"])
    found = (await evaluate(client, store)).json()["data"]
    assert [one["metrics"]["recall"]["mean"] for one in found] == [1.0, 1.0]


async def test_a_judgment_takes_the_place_of_the_former_and_all_can_go(client):
    store, ids = await filled(client, 2)
    await judge(client, store, {"query": "港口", "file_id": ids[0], "grade": 1})
    reply = await judge(client, store, {"query": "港口", "file_id": ids[0], "grade": 2})
    assert [row["grade"] for row in reply.json()["data"]] == [2]
    path = f"/v1/vector_stores/{store}/judgments"
    assert (await client.get(path)).json() == reply.json()
    assert (await client.delete(path)).json() == {"object": "vector_store.judgments.deleted", "deleted": 1}
    reply = await evaluate(client, store)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "no_judgments")
    gate = {"no_worse_ndcg": True}
    reply = await client.post(f"/v1/vector_stores/{store}/generations", json={"index": "flat", "gate": gate})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "gate.no_worse_ndcg")


@pytest.mark.slow
async def test_one_judged_query_is_enough_to_measure_and_to_build_by(client):
    store, ids = await filled(client, 3, sandtable={"index": "bm25"})
    await judge(client, store, *({"query": text(1), "file_id": ids[n], "grade": n + 1} for n in (0, 1)))
    made = await ended(client, store, (await create(client, store, index="flat", gate={"no_worse_ndcg": True}))["id"])
    assert made["status"] == "ready", made
    reply = await evaluate(client, store)
    assert reply.status_code == 200, reply.text
    versus = reply.json()["data"][1]["versus_active"]["ndcg"]
    assert (versus["low"], versus["high"], versus["p_value"]) == (versus["mean"], versus["mean"], 1.0)
    assert (await activate(client, store, made["id"])).status_code == 200


async def test_judgments_count_while_their_files_are_in_the_store(client):
    store, ids = await filled(client, 3, sandtable={"index": "bm25"})
    rows = [{"query": text(n), "file_id": ids[n], "grade": 1} for n in range(3)]
    await judge(client, store, *rows, {"query": text(2), "file_id": ids[0], "grade": 0})
    assert (await client.delete(f"/v1/vector_stores/{store}/files/{ids[2]}")).status_code == 200
    listed = (await client.get(f"/v1/vector_stores/{store}/judgments")).json()
    assert [row["query"] for row in listed["data"]] == [text(0), text(1)]
    assert listed["without_file"] == 1
    found = (await evaluate(client, store)).json()
    assert (found["n_queries"], found["judgments_without_file"]) == (2, 1)
    assert found["data"][0]["metrics"]["recall"]["mean"] == 1.0
    body = {"file_id": ids[2]}
    assert (await client.post(f"/v1/vector_stores/{store}/files", json=body)).status_code == 200
    listed = (await client.get(f"/v1/vector_stores/{store}/judgments")).json()
    assert (len(listed["data"]), listed["without_file"]) == (4, 0)


REFUSED = [
    {"query": "x", "file_id": "file-none", "grade": 1},
    {"query": "x", "file_id": "FILE", "grade": 11},
    {"query": "x", "file_id": "FILE", "grade": 1, "start": 3},
    {"query": "x", "file_id": "FILE", "grade": 1, "start": 3, "end": 3},
    {"query": "", "file_id": "FILE", "grade": 1},
    {"query": " \n", "file_id": "FILE", "grade": 1},
    {"query": "x", "file_id": "FILE", "grade": 1, "start": 999_999, "end": 1_000_000},
    {"query": "x", "file_id": "FILE", "grade": 1, "start": 0, "end": 1_000},
    {"query": "x", "file_id": "FILE", "grade": 1, "note": "?"},
]


@pytest.mark.parametrize("row", REFUSED, ids=[str(row)[:60] for row in REFUSED])
async def test_what_is_no_judgment_is_refused(client, row):
    store, ids = await filled(client, 1)
    row = {**row, "file_id": ids[0] if row["file_id"] == "FILE" else row["file_id"]}
    reply = await judge(client, store, row)
    assert reply.status_code == 400, reply.text
    assert reply.json()["error"]["param"].startswith("judgments[0]")
    assert (await client.get(f"/v1/vector_stores/{store}/judgments")).json()["data"] == []


async def test_what_cannot_be_evaluated_is_refused(client):
    store, ids = await filled(client, 1)
    await judge(client, store, {"query": "x", "file_id": ids[0], "grade": 1})
    reply = await evaluate(client, store, generations=["gen_none"])
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "generations[0]")
    assert (await evaluate(client, store, k=0)).status_code == 400
