"""The generative pipeline over HTTP: memory that lasts, is seen and erased, and is found by meaning."""

import json

import pytest

from tests.server.conftest import events_of, serving

IRIS = {"name": "Iris B. Holm", "role": "Baker."}
SCRIPT = [
    {"match": "On a scale of 1 to 10[\\s\\S]*\n2\\. ", "text": '{"ratings": [3, 9]}'},
    {"match": "On a scale of 1 to 10", "text": '{"ratings": [2]}'},
    {"match": ".", "told": "ferry sank", "text": "The ferry sank."},
    {"match": ".", "text": "I know of none."},
]
SEEN = [
    {"text": "The rye is out of the oven.", "at": "2026-02-13T06:00:00"},
    {"text": "The ferry sank in the night.", "at": "2026-02-13T05:00:00Z"},
]


@pytest.fixture
async def client(tmp_path):
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    async with serving(tmp_path / "data", backend=f"scripted:{tmp_path / 'script.json'}") as client:
        yield client


async def ask(client, question="What happened to the boat?", persona=IRIS, backend=None, thread=None, **options):
    sandtable = {"persona": persona, "options": {"now": "2026-02-13T08:00:00", **options}}
    if thread is not None:
        sandtable["thread_id"] = thread
    if backend is not None:
        sandtable["backend"] = backend
    messages = [{"role": "user", "content": question}]
    reply = await client.post(
        "/v1/chat/completions", json={"model": "generative", "messages": messages, "sandtable": sandtable}
    )
    assert reply.status_code == 200, reply.text
    return reply.json()["choices"][0]["message"]["content"], reply.json()["sandtable"]["run_id"]


async def items(client, *prefix):
    body = {"namespace_prefix": ["persona_memories", *prefix], "limit": 100}
    return (await client.post("/store/items/search", json=body)).json()["items"]


async def test_what_was_perceived_is_known_on_the_thread_later_and_nowhere_else(client):
    thread = (await client.post("/threads", json={})).json()["thread_id"]
    await ask(client, thread=thread, observations=SEEN)
    assert (await ask(client, thread=thread, max_memory_chars=200))[0] == "The ferry sank."
    assert (await ask(client))[0] == "I know of none."
    assert (await ask(client, thread=thread, persona={"name": "Mo"}))[0] == "I know of none."
    kept = {item["key"]: item["value"] for item in await items(client, thread, "Iris B· Holm")}
    assert [kept[f"{n:08}"]["importance"] for n in (1, 2, 3)] == [3.0, 9.0, 2.0]
    assert kept["00000002"]["made"] == "2026-02-13T05:00:00Z"
    assert kept["00000002"]["used"] == "2026-02-13T08:00:00Z"


async def test_a_named_stream_is_shared_by_threads_and_erased_through_the_store(client):
    await ask(client, stream="town", observations=SEEN)
    assert (await ask(client, stream="town"))[0] == "The ferry sank."
    for item in await items(client, "town"):
        gone = {"namespace": item["namespace"], "key": item["key"]}
        assert (await client.request("DELETE", "/store/items", json=gone)).status_code == 204
    assert (await ask(client, stream="town"))[0] == "I know of none."


async def test_what_is_near_in_meaning_comes_first(client):
    _, run_id = await ask(client, observations=SEEN, recency=0, importance=0)
    events = (await events_of(client, run_id))["data"]
    (found,) = [
        json.loads(e["output"]) for e in events if e["type"] == "tool_called" and '"recall"' in e["call"]["arguments"]
    ]
    assert [one["relevance"] for one in found] == [1.0, 0.0]
    assert found[0]["text"] == SEEN[1]["text"]
    assert (await client.post(f"/v1/runs/{run_id}/replay", json={})).json()["identical"]


async def test_without_a_model_memories_are_quoted_and_importance_is_the_middle(client):
    answer, run_id = await ask(client, "What happened to the ferry?", backend="extractive", observations=SEEN)
    assert answer.startswith("The ferry sank in the night. [")
    codes = [e["code"] for e in (await events_of(client, run_id))["data"] if e["type"] == "warning"]
    assert codes == ["importance", "importance"]


async def test_langgraph_runs_it_too_and_an_item_that_is_no_memory_is_left_out(client):
    namespace = ["persona_memories", "town", "Mo"]
    for key, value in (("00000001", {"text": 1}), ("note", {"a": "b"})):
        await client.put("/store/items", json={"namespace": namespace, "key": key, "value": value})
    run = {
        "assistant_id": "generative",
        "input": {"question": "News?"},
        "context": {"persona": {"name": "Mo"}, "options": {"stream": "town", "observations": SEEN}},
    }
    assert (await client.post("/runs/wait", json=run)).json()["answer"] == "The ferry sank."
    assert len(await items(client, "town", "Mo")) == 5


@pytest.mark.parametrize(
    ("options", "key"),
    [({"now": "noon"}, "now"), ({"observations": [{"text": ""}]}, "observations"), ({"rates": 1}, "rates")],
)
async def test_what_does_not_fit_is_refused_by_name(client, options, key):
    body = {"model": "generative", "messages": [{"role": "user", "content": "?"}], "sandtable": {"options": options}}
    error = (await client.post("/v1/chat/completions", json=body)).json()["error"]
    assert error["param"].startswith(f"sandtable.options.{key}")
