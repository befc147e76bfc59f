"""Runs that search a generation by its name: over chat completions, responses, LangGraph's API and MCP."""

import pytest

from tests.server.conftest import events_of, make_store, put
from tests.server.test_generations import activate, active, create, ended

CAPES = "ABCDEFGHIJKLMNOPQRSTUVWX"
LIGHTS = "".join(f"The lighthouse at Cape {cape} was lit in {year}.\n\n" for year, cape in enumerate(CAPES, 1880))
SMALL = {"type": "static", "static": {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}}
QUESTION = "When was the lighthouse at Cape E lit?"


async def two(client):
    """A store, its first generation with one passage a file, and a second that cuts the files smaller."""
    store = await make_store(client, "lights")
    await put(client, store, "lights.txt", LIGHTS)
    made = await ended(client, store, (await create(client, store, index="bm25", chunking=SMALL))["id"])
    assert made["status"] == "ready", made
    return store, await active(client, store), made["id"]


async def ask(client, generation=None, model="rag:lights", **more):
    extension = {**({"generation": generation} if generation is not None else {}), **more}
    messages = [{"role": "user", "content": QUESTION}]
    return await client.post(
        "/v1/chat/completions", json={"model": model, "messages": messages, "sandtable": extension}
    )


async def retrieved(client, run_id):
    return [event for event in (await events_of(client, run_id))["data"] if event["type"] == "retrieved"]


@pytest.mark.slow
async def test_a_run_searches_the_generation_it_names(client):
    store, first, second = await two(client)
    sizes = {}
    for given, serves in ((None, first), ("active", first), (first, first), (second, second)):
        reply = await ask(client, given)
        assert reply.status_code == 200, reply.text
        about = reply.json()["sandtable"]
        assert about["generation"] == serves
        (event,) = await retrieved(client, about["run_id"])
        assert event["generation"] == serves
        sizes[serves] = {hit["end"] - hit["start"] for hit in event["hits"]}
    assert max(sizes[second]) < max(sizes[first])

    await activate(client, store, second)
    assert (await ask(client)).json()["sandtable"]["generation"] == second
    # The one that was retired answers as it did.
    (event,) = await retrieved(client, (await ask(client, first)).json()["sandtable"]["run_id"])
    assert {hit["end"] - hit["start"] for hit in event["hits"]} == sizes[first]


async def test_what_cannot_be_searched_is_refused_before_there_is_a_run(client):
    store, first, second = await two(client)
    cancelled = (await create(client, store, index="flat"))["id"]
    assert (await client.post(f"/v1/vector_stores/{store}/generations/{cancelled}/cancel")).status_code == 200
    assert (await ended(client, store, cancelled))["status"] == "cancelled"
    (runs_before,) = [await client.post("/threads/search", json={})]
    for given, why in (("gen_nothing", "no generation 'gen_nothing'"), (cancelled, "the generation is cancelled")):
        error = (await ask(client, given)).json()["error"]
        assert (error["param"], error["code"]) == ("sandtable.generation", "unknown_generation")
        assert why in error["message"]
        assert first in error["message"]
        assert second in error["message"]
    error = (await ask(client, first, model="chat")).json()["error"]
    assert (error["param"], error["code"]) == ("sandtable.generation", "collection_required")
    assert len((await client.post("/threads/search", json={})).json()) == len(runs_before.json())


async def test_responses_take_it_too(client):
    _, _, second = await two(client)
    body = {"model": "rag:lights", "input": QUESTION, "sandtable": {"generation": second}}
    about = (await client.post("/v1/responses", json=body)).json()["sandtable"]
    assert about["generation"] == second
    assert [event["generation"] for event in await retrieved(client, about["run_id"])] == [second]
    body["sandtable"]["generation"] = "gen_nothing"
    error = (await client.post("/v1/responses", json=body)).json()["error"]
    assert (error["param"], error["code"]) == ("sandtable.generation", "unknown_generation")


@pytest.mark.slow
@pytest.mark.parametrize("place", ["config", "context"])
async def test_langgraph_takes_it_too(client, place):
    _, _, second = await two(client)

    def body(generation):
        settings = {"collection": "lights", "generation": generation}
        given = {"config": {"configurable": settings}} if place == "config" else {"context": settings}
        return {"assistant_id": "rag", "input": {"question": QUESTION}, **given}

    thread = (await client.post("/threads", json={})).json()["thread_id"]
    reply = await client.post(f"/threads/{thread}/runs/wait", json=body(second))
    assert reply.status_code == 200, reply.text
    (run,) = (await client.get(f"/threads/{thread}/runs")).json()
    assert [event["generation"] for event in await retrieved(client, run["run_id"])] == [second]
    refused = await client.post(f"/threads/{thread}/runs/wait", json=body("gen_nothing"))
    assert refused.status_code == 422
    assert "gen_nothing" in refused.text
    assert len((await client.get(f"/threads/{thread}/runs")).json()) == 1


async def test_a_replay_repeats_it_and_a_fork_keeps_it(client):
    store, _, second = await two(client)
    run_id = (await ask(client, second)).json()["sandtable"]["run_id"]
    assert (await client.post(f"/v1/runs/{run_id}/replay", json={})).json()["identical"] is True
    forked = (await client.post(f"/v1/runs/{run_id}/replay", json={"with": {"backend": "extractive"}})).json()
    thread, run = forked["thread_id"], forked["id"]
    assert (await client.get(f"/threads/{thread}/runs/{run}/join")).status_code == 200
    assert [event["generation"] for event in await retrieved(client, run)] == [second]
    assert store
