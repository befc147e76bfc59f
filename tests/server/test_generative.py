"""The generative pipeline over HTTP: memory that lasts, is seen and erased, and is found by meaning."""

import json

import pytest

from server.storage import store_items
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


MEMORY = {"text": "The ferry sank.", "kind": "observation", "importance": 9, "made": "2026-02-13T05:00:00Z"}


async def test_langgraph_runs_it_too_and_an_item_that_is_no_memory_is_left_out(client):
    place = ("persona_memories", "town", "Mo")
    bad = ({"text": 1}, MEMORY, MEMORY | {"used": "2026-02-13T05:00:00", "importance": 1e9})

    def stored_by_an_earlier_version(db):
        for number, value in enumerate(bad, start=1):
            store_items.put_item(db, "default", place, f"{number:08}", value, True)
        store_items.put_item(db, "default", place, "9" * 5_000, {}, True)
        store_items.put_item(db, "default", place, "00000004", MEMORY | {"used": "2026-02-13T05:00:00"}, True)

    await client.app.state.services.database.write(stored_by_an_earlier_version)
    run = {
        "assistant_id": "generative",
        "input": {"question": "News?"},
        "context": {"persona": {"name": "Mo"}, "options": {"stream": "town", "now": "2026-02-13T08:00:00"}},
    }
    for _ in range(2):
        assert (await client.post("/runs/wait", json=run)).json()["answer"] == "The ferry sank."
    assert len(await items(client, "town", "Mo")) == 7


async def put(client, item, **change):
    body = {"namespace": item["namespace"], "key": item["key"], "value": item["value"]} | change
    return await client.put("/store/items", json=body)


async def test_an_edited_memory_is_recalled_as_it_was_edited(client):
    await ask(client, stream="town", observations=[SEEN[0]])
    (item,) = (one for one in await items(client, "town") if "rye" in one["value"]["text"])
    edited = item["value"] | {"text": "The ferry sank.", "used": "2026-11-01T08:00:00"}
    assert (await put(client, item, value=edited)).status_code == 204
    assert (await ask(client, stream="town"))[0] == "The ferry sank."
    assert (await put(client, item, key="00000077", value=edited)).status_code == 204
    (kept,) = (one["value"] for one in await items(client, "town") if one["key"] == "00000077")
    assert (kept["used"], kept["made_by"]) == ("2026-11-01T08:00:00Z", item["value"]["made_by"])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"value": {"text": "The vault code is 1234."}}, "value.kind"),
        ({"value": {"garbage": 1}}, "value.garbage"),
        ({"value": {}}, "value.text"),
        ({"importance": 1e9}, "value.importance"),
        ({"importance": "9"}, "value.importance"),
        ({"used": "soon"}, "value.used"),
        ({"made": "0001-01-01T00:00:00Z"}, "value.made"),
        ({"kind": "rumour"}, "value.kind"),
        ({"text": " "}, "value.text"),
        ({"text": "x" * 2_001}, "value.text"),
        ({"because_of": ["one"]}, "value.because_of.0"),
        ({"made_by": 1}, "value.made_by"),
        ({"key": "note"}, "key"),
        ({"key": "1"}, "key"),
        ({"key": "00000000"}, "key"),
        ({"namespace": ["persona_memories", "town"]}, "namespace"),
    ],
    ids=str,
)
async def test_what_is_no_memory_is_refused_by_name(client, change, param):
    item = {"namespace": ["persona_memories", "town", "Mo"], "key": "00000001"}
    item["value"] = MEMORY | {"used": MEMORY["made"]}
    if not change.keys() & {"value", "key", "namespace"}:
        change = {"value": item["value"] | change}
    reply = await put(client, item, **change)
    assert (reply.status_code, reply.json()["error"]["param"]) == (422, param), reply.text
    assert await items(client) == []


@pytest.mark.parametrize(
    ("options", "key"),
    [({"now": "noon"}, "now"), ({"observations": [{"text": ""}]}, "observations"), ({"rates": 1}, "rates")],
)
async def test_what_does_not_fit_is_refused_by_name(client, options, key):
    body = {"model": "generative", "messages": [{"role": "user", "content": "?"}], "sandtable": {"options": options}}
    error = (await client.post("/v1/chat/completions", json=body)).json()["error"]
    assert error["param"].startswith(f"sandtable.options.{key}")
