"""Reranking and several queries over HTTP: search, rag, evaluate."""

import json

import pytest

from tests.retrieval import tiny_cross_encoder
from tests.server.conftest import events_of, make_store, put, search, serving
from tests.server.test_generations import filled, text


@pytest.fixture
async def shop(client):
    store, ids = await filled(client, 12)
    return client, store, ids


@pytest.fixture(scope="module")
def cross_encoder(tmp_path_factory):
    return f"cross-encoder:{tiny_cross_encoder.make(tmp_path_factory.mktemp('tiny'))}"


async def refused(client, path, body):
    reply = await client.post(path, json=body)
    assert reply.status_code == 400, reply.text
    error = reply.json()["error"]
    return error["param"], error["code"]


@pytest.mark.slow
async def test_a_search_says_what_its_reranker_did(shop, cross_encoder):
    client, store, _ = shop
    before = await search(client, store, "ferry in winter", max_num_results=12)
    for ranker in ("none", "auto", "default-2024-11-15"):
        assert await search(
            client, store, "ferry in winter", max_num_results=12, ranking_options={"ranker": ranker}
        ) == (before)
    for ranker in ("neighbours", cross_encoder):
        options = {"ranker": ranker, "depth": 4}
        hits = await search(client, store, "ferry in winter", max_num_results=3, ranking_options=options, explain=True)
        assert {hit["chunk_id"] for hit in hits} <= {hit["chunk_id"] for hit in before[:4]}
        assert [hit["explain"]["rerank_rank"] for hit in hits] == [1, 2, 3]
        assert [hit["explain"]["rerank"] for hit in hits] == [hit["score"] for hit in hits]
        for hit in hits:
            assert before[hit["explain"]["candidate_rank"] - 1]["chunk_id"] == hit["chunk_id"]
        least = hits[1]["score"]
        left = await search(
            client, store, "ferry in winter", max_num_results=3, ranking_options={**options, "score_threshold": least}
        )
        assert [hit["chunk_id"] for hit in left] == [hit["chunk_id"] for hit in hits if hit["score"] >= least]


async def test_a_reranker_that_is_not_there_is_refused(shop):
    client, store, _ = shop
    path = f"/v1/vector_stores/{store}"
    for ranker, code in (("best", "unknown_ranker"), ("cross-encoder:/not/there", "reranker_missing")):
        body = {"query": "x", "ranking_options": {"ranker": ranker}}
        assert await refused(client, f"{path}/search", body) == ("ranking_options.ranker", code)
    body = {"query": "x", "max_num_results": 5, "ranking_options": {"ranker": "neighbours", "depth": 4}}
    assert await refused(client, f"{path}/search", body) == ("ranking_options.depth", "invalid_value")
    body = {"model": f"rag:{store}", "messages": [{"role": "user", "content": "Which note tells of the ferry?"}]}
    body["sandtable"] = {"options": {"rerank": "best"}}
    assert await refused(client, "/v1/chat/completions", body) == ("sandtable.options.rerank", "invalid_value")
    body["sandtable"] = {"options": {"rerank": "cross-encoder:/not/there"}}
    assert await refused(client, "/v1/chat/completions", body) == ("sandtable.options.rerank", "reranker_missing")


async def test_several_queries_say_which_of_them_found_a_hit(shop):
    client, store, ids = shop
    queries = [text(3), text(7)]
    hits = await search(client, store, queries, max_num_results=2, explain=True)
    assert {hit["file_id"] for hit in hits} == {ids[3], ids[7]}
    for hit, query in ((next(h for h in hits if h["file_id"] == ids[n]), text(n)) for n in (3, 7)):
        assert {by["query"]: by["rank"] for by in hit["explain"]["found_by"]}[query] == 1


async def test_rerankers_are_compared_by_a_paired_test(shop):
    client, store, ids = shop
    rows = [{"query": text(n), "file_id": ids[n], "grade": 1} for n in range(12)]
    path = f"/v1/vector_stores/{store}"
    await client.post(f"{path}/judgments", json={"judgments": rows})
    found = (await client.post(f"{path}/evaluate", json={"rerank": ["neighbours"]})).json()
    plain, reranked = found["data"]
    assert (plain["rerank"], plain["versus_active"], plain["versus_plain"]) == (None, None, None)
    assert reranked["rerank"] == "neighbours"
    assert 0 <= reranked["versus_plain"]["ndcg"]["p_value"] <= 1
    assert reranked["versus_active"] == reranked["versus_plain"]
    assert await refused(client, f"{path}/evaluate", {"rerank": ["best"]}) == ("rerank", "unknown_ranker")


async def rag(client, **options):
    body = {"model": "rag:lights", "messages": [{"role": "user", "content": "When was Cape Varn lit?"}]}
    body["sandtable"] = {"options": options}
    reply = await client.post("/v1/chat/completions", json=body)
    assert reply.status_code == 200, reply.text
    run_id = reply.json()["sandtable"]["run_id"]
    return run_id, (await events_of(client, run_id))["data"]


async def test_rag_reranks_and_replays(client):
    store = await make_store(client, "lights")
    await put(client, store, "lights.txt", "The lighthouse at Cape Varn was lit in 1884.")
    run_id, events = await rag(client, rerank="neighbours", rerank_depth=7)
    (event,) = [event for event in events if event["type"] == "retrieved"]
    assert event["rerank"] == {"ranker": "neighbours", "depth": 7}
    assert event["hits"][0]["stages"]["rerank_rank"] == 1
    assert (await client.post(f"/v1/runs/{run_id}/replay", json={})).json()["identical"] is True


async def test_rag_searches_with_the_queries_that_the_model_writes(tmp_path):
    given = json.dumps({"queries": ["lighthouse at Varn", "year of the light", "one too many"]})
    script = tmp_path / "script.json"
    script.write_text(json.dumps([{"text": given}, {"text": "It was lit in 1884 [1]."}]), "utf-8")
    async with serving(tmp_path / "data", backend=f"scripted:{script}") as client:
        store = await make_store(client, "lights")
        await put(client, store, "lights.txt", "The lighthouse at Cape Varn was lit in 1884.")
        run_id, events = await rag(client, queries=3)
        searched = [event["query"] for event in events if event["type"] == "retrieved"]
        assert searched == ["When was Cape Varn lit?", "lighthouse at Varn", "year of the light"]
        assert (await client.post(f"/v1/runs/{run_id}/replay", json={})).json()["identical"] is True


async def test_without_other_queries_the_question_is_searched_alone(client):
    store = await make_store(client, "lights")
    await put(client, store, "lights.txt", "The lighthouse at Cape Varn was lit in 1884.")
    _, events = await rag(client, queries=3)
    assert [event["query"] for event in events if event["type"] == "retrieved"] == ["When was Cape Varn lit?"]
    assert "queries" in [event.get("code") for event in events if event["type"] == "warning"]
    assert events[-1]["type"] == "run_finished"
    assert "1884" in events[-1]["answer"]
