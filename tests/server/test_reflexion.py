"""Reflexion over HTTP: what may be set, what is seen of its trials, and a person asked in the middle of one."""

import json

import pytest

from tests.server.conftest import events_of, make_store, put, serving
from tests.server.counted_tools import LEDGER, rows
from tests.server.test_run_answers import resume

CALL = [{"name": "pay", "arguments": {"to": "小红", "cents": 5}, "id": "c1"}]
SCRIPT = [
    {"match": "You are an agent that learns", "text": "Ask Bo."},
    {"match": "Pay", "results": 0, "told": "Ask Bo", "text": "Bo"},
    {"match": "Pay", "results": 0, "tool_calls": CALL},
    {"match": "Pay", "results": 1, "text": "Paid."},
    {"match": "Guess", "told": "Ask Bo", "text": "right"},
    {"match": "Guess", "text": "wrong"},
]


@pytest.fixture
async def client(tmp_path, monkeypatch):
    script = tmp_path / "script.json"
    script.write_text(json.dumps(SCRIPT))
    monkeypatch.setenv(LEDGER, str(tmp_path / "ledger.sqlite3"))
    tools = ("tests.server.counted_tools:pay",)
    async with serving(tmp_path / "data", backend=f"scripted:{script}", tools=tools) as client:
        yield client


async def ask(client, question, model="reflexion", **options):
    body = {"model": model, "messages": [{"role": "user", "content": question}], "sandtable": {"options": options}}
    return await client.post("/v1/chat/completions", json=body)


async def test_it_learns_and_its_trials_are_thoughts(client):
    reply = await ask(client, "Guess!", inner="chat", reference="right")
    assert reply.status_code == 200, reply.text
    message = reply.json()["choices"][0]["message"]
    assert message["content"] == "right"
    assert message["reasoning_content"] == (
        "Trial 1 failed: wrong\nNoted for the next trial: Ask Bo.\nTrial 2 succeeded: right\n"
    )
    events = (await events_of(client, reply.json()["sandtable"]["run_id"]))["data"]
    assert [event["type"] for event in events if event["type"].startswith("memory")] == [
        "memory_written",
        "memory_read",
    ]
    assert [event["text"] for event in events if event["type"] == "token"] == ["right"]


async def test_a_person_is_asked_within_a_trial(client, tmp_path):
    options = {"inner": "function_calling", "inner_options": {"approve": ["pay"]}, "reference": "Bo"}
    reply = await ask(client, "Pay!", **options)
    assert reply.status_code == 409, reply.text
    done = await resume(client, reply.json()["error"]["sandtable"]["run_id"], answer=True)
    assert (done["status"], done["answer"]) == ("success", "Bo")
    assert rows(str(tmp_path / "ledger.sqlite3"), "try") == [("pay", "小红 5")]
    replayed = (await client.post(f"/v1/runs/{done['id']}/replay", json={})).json()
    assert replayed["identical"], replayed
    events = (await events_of(client, done["id"]))["data"]
    assert [(event["number"], event["success"]) for event in events if event["type"] == "trial"] == [
        (1, False), (2, True),
    ]  # fmt: skip
    (asked,) = [e for e in events if e["type"] == "llm_called" and e["request"]["subject"].get("stage") == "reflect"]
    assert "Action: pay" in asked["request"]["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("options", "key", "said"),
    [
        ({"inner": "nothing"}, "inner", "no pipeline 'nothing'"),
        ({"inner_options": {"max_stepz": 5}}, "inner_options", "has no option 'max_stepz'"),
        ({"inner_options": {"tools": ["nothing"]}}, "inner_options", "no tool 'nothing'"),
        ({"evaluator": "exact"}, "evaluator", "needs a 'reference'"),
        ({"trials": 5}, "trials", "max_trials"),
    ],
)
async def test_what_does_not_fit_is_refused_by_name(client, options, key, said):
    reply = await ask(client, "Guess!", **options)
    error = reply.json()["error"]
    assert (reply.status_code, error["param"]) == (400, f"sandtable.options.{key}")
    assert said in error["message"]


async def test_an_inner_pipeline_that_searches_needs_a_collection(client):
    reply = await ask(client, "Guess!", inner="rag", reference="right")
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "collection_required")
    store = await make_store(client)
    await put(client, store, "a.txt", "Nothing of it.")
    reply = await ask(client, "Guess!", model=f"reflexion:{store}", inner="rag", reference="right")
    assert reply.status_code == 200, reply.text
