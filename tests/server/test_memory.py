"""Memory over HTTP: every kind on every API, whose it is, what is refused, and that a replay remembers nothing."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from agents.memory.record import Draft, Owner
from agents.memory.remembering import remember
from agents.run import RunInput
from tests.server.conftest import events_of, serving

KINDS = ("short", "long", "hybrid", "stream")
FACT = {"facts": [{"text": "The code of the safe is 7319.", "subject": "safe code"}]}
SCRIPT = [
    {"match": "to an assistant:\nThe code[\\s\\S]*Give the facts", "text": json.dumps(FACT)},
    {"match": "Give the facts", "text": '{"facts": []}'},
    {"match": "On a scale of 1 to 10", "text": '{"ratings": [9, 2]}'},
    {"match": "Write one summary", "text": "The code of the safe is 7319."},
    {"match": ".", "told": "7319", "text": "It is known."},
    {"match": ".", "text": "I know of none."},
]
TELL, ASK = "The code of my safe is 7319.", "What is the code of the safe?"


@pytest.fixture
async def client(tmp_path):
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    keys = [{"key": f"key-{tenant}", "tenant": tenant} for tenant in ("one", "two")]
    async with serving(tmp_path / "data", backend=f"scripted:{tmp_path / 'script.json'}", keys=keys) as client:
        client.headers["authorization"] = "Bearer key-one"
        yield client


async def post(client, path, body, **named):
    reply = await client.post(path, json=body, **named)
    assert reply.status_code == 200, reply.text
    return reply.json()


async def chat(client, question, user=None, thread=None, memory="long", **named):
    sandtable = {"memory": memory} | ({"user": user} if user else {}) | ({"thread_id": thread} if thread else {})
    body = {"model": "chat", "messages": [{"role": "user", "content": question}], "sandtable": sandtable}
    reply = await post(client, "/v1/chat/completions", body, **named)
    return reply["choices"][0]["message"]["content"], reply["sandtable"]


async def response(client, question, user, memory):
    body = {"model": "chat", "input": question, "user": user, "sandtable": {"memory": memory}}
    return (await post(client, "/v1/responses", body))["output"][-1]["content"][0]["text"]


async def waited(client, question, user, memory):
    body = {"assistant_id": "chat", "input": {"question": question}, "context": {"memory": memory, "user": user}}
    return (await post(client, "/runs/wait", body))["answer"]


@pytest.mark.parametrize("kind", KINDS[1:])
async def test_two_users_never_see_each_others_on_any_api(client, kind):
    await chat(client, TELL, "ada", memory=kind)
    for user, known in (("ada", "It is known."), ("bob", "I know of none."), ("ad", "I know of none.")):
        assert (await chat(client, ASK, user, memory={"kind": kind, "budget": 1_500}))[0] == known
        assert await response(client, ASK, user, kind) == known
        assert await waited(client, ASK, user, kind) == known
    other = {"headers": {"authorization": "Bearer key-two"}}
    assert (await chat(client, ASK, "ada", memory=kind, **other))[0] == "I know of none."
    assert (await chat(client, ASK, memory=kind))[0] == "I know of none."


async def test_without_a_user_it_is_the_threads_and_goes_with_it(client):
    _, told = await chat(client, TELL)
    thread = told["thread_id"]
    assert (await chat(client, ASK, thread=thread))[0] == "It is known."
    assert (await chat(client, ASK))[0] == "I know of none."
    assert (await chat(client, ASK, user=thread))[0] == "I know of none."
    owner = Owner("one", "thread", thread)
    assert len(await client.app.state.services.archive.store.load(owner)) == 1
    assert (await client.delete(f"/threads/{thread}")).status_code == 204
    assert await client.app.state.services.archive.store.load(owner) == []


async def test_short_summarises_what_does_not_fit_for_its_own_conversation_alone(client):
    long = "word " * 500
    before = [{"role": "user", "content": TELL}, {"role": "assistant", "content": long}]
    for first, known in ((TELL, "It is known."), ("Hello.", "It is known.")):
        before[0]["content"] = first
        messages = [*before, {"role": "user", "content": ASK}]
        sandtable = {"memory": {"kind": "short", "budget": 200}, "user": "ada"}
        reply = await post(
            client, "/v1/chat/completions", {"model": "chat", "messages": messages, "sandtable": sandtable}
        )
        assert reply["choices"][0]["message"]["content"] == known
        assert "Summarised 2 earlier messages" in reply["choices"][0]["message"]["reasoning_content"]
    assert (await chat(client, ASK, "ada", memory="short"))[0] == "I know of none."


async def test_a_replay_remembers_nothing_and_is_identical(client):
    _, told = await chat(client, TELL, "ada")
    events = (await events_of(client, told["run_id"]))["data"]
    kinds = [event["type"] for event in events if event["type"].startswith("memory")]
    assert kinds == ["memory_read", "memory_written"]
    store = client.app.state.services.archive.store
    kept = await store.load(Owner("one", "user", "ada"))
    assert (await client.post(f"/v1/runs/{told['run_id']}/replay", json={})).json()["identical"]
    assert await store.load(Owner("one", "user", "ada")) == kept
    assert len(kept) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("memory", "param"),
    [
        ("longer", "sandtable.memory"),
        (7, "sandtable.memory"),
        ({}, "sandtable.memory.kind"),
        ({"kind": "longer"}, "sandtable.memory.kind"),
        ({"kind": "long", "size": 3}, "sandtable.memory.size"),
        ({"kind": "long", "budget": "100"}, "sandtable.memory.budget"),
        ({"kind": "long", "budget": 5}, "sandtable.memory.budget"),
        ({"kind": "long", "records": 0}, "sandtable.memory.records"),
        ({"kind": "long", "format": "prose"}, "sandtable.memory.format"),
        ({"kind": "long", "at": "yesterday"}, "sandtable.memory.at"),
        ({"kind": "long", "at": "0001-01-01T00:00:00+14:00"}, "sandtable.memory.at"),
        ({"kind": "long", "at": "9999-12-31T23:59:59-14:00"}, "sandtable.memory.at"),
        ({"kind": "none", "records": 3}, "sandtable.memory"),
        ({"kind": "short", "recency": 2.0}, "sandtable.memory"),
        ({"kind": "long", "reflect_at": 20}, "sandtable.memory"),
    ],
    ids=str,
)
async def test_a_memory_that_there_is_not_is_refused_by_name(client, memory, param):
    body = {"model": "chat", "messages": [{"role": "user", "content": "Hi"}], "sandtable": {"memory": memory}}
    reply = await client.post("/v1/chat/completions", json=body)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, param), reply.text
    run = {"assistant_id": "chat", "input": {"question": "Hi"}, "context": {"memory": memory}}
    reply = await client.post("/runs/wait", json=run)
    assert (reply.status_code, reply.json()["error"]["param"]) == (422, param.replace("sandtable", "context")), (
        reply.text
    )


def test_what_an_earlier_version_took_can_still_be_read():
    stored = {"question": "Hi", "memory": {"kind": "short", "records": 5}}
    assert RunInput.model_validate(stored).memory.records == 5


async def test_a_user_that_is_none_is_refused(client):
    for user in (" ", "a" * 201):
        body = {"model": "chat", "messages": [{"role": "user", "content": "Hi"}]}
        reply = await client.post("/v1/chat/completions", json=body | {"sandtable": {"memory": "long", "user": user}})
        assert (reply.status_code, reply.json()["error"]["param"]) == (400, "sandtable.user")


async def test_a_time_recalls_what_held_then(client):
    archive, now = client.app.state.services.archive, datetime.now(UTC)
    old = now - timedelta(days=100)
    draft = Draft(text="The code of the safe is 7319.", subject="code", created_at=old)
    new = Draft(text="The code of the safe is 1000.", subject="code", created_at=now - timedelta(days=1))
    await remember(archive, Owner("one", "user", "ada"), [draft, new])
    assert (await chat(client, ASK, "ada"))[0] == "I know of none."
    then = (old + timedelta(days=3)).isoformat()
    assert (await chat(client, ASK, "ada", memory={"kind": "long", "at": then}))[0] == "It is known."
