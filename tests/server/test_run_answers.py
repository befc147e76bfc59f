"""Runs that wait for a person, over HTTP: asked by chat completions, answered once, going on in another run."""

import asyncio
import json

import pytest

from tests.server.conftest import events_of, serving
from tests.server.counted_tools import LEDGER, rows
from tools.toolbox import Toolbox

CALLS = [
    {"name": "note", "arguments": {"text": "a"}, "id": "c1"},
    {"name": "pay", "arguments": {"to": "小红", "cents": 5}, "id": "c2"},
]
TWO = [CALLS[1], {"name": "pay", "arguments": {"to": "Bo", "cents": 1}, "id": "c3"}]
SCRIPT = [
    {"match": "Pay", "results": 0, "tool_calls": CALLS},
    {"match": "Pay", "results": 2, "text": "All is done."},
    {"match": "Think", "results": 0, "text": "I shall pay.", "tool_calls": CALLS[1:]},
    {"match": "Think", "results": 1, "text": "Paid."},
    {"match": "Both", "results": 0, "tool_calls": TWO},
    {"match": "Both", "results": 2, "text": "Both are done."},
]
SETTINGS = {"tools": ("tests.server.counted_tools:pay", "tests.server.counted_tools:note")}


@pytest.fixture
def served(tmp_path, monkeypatch):
    script = tmp_path / "script.json"
    script.write_text(json.dumps(SCRIPT))
    monkeypatch.setenv(LEDGER, str(tmp_path / "ledger.sqlite3"))
    return lambda: serving(tmp_path / "data", backend=f"scripted:{script}", **SETTINGS)


@pytest.fixture
def ledger(tmp_path):
    return str(tmp_path / "ledger.sqlite3")


async def asked(client, question="Pay!", **options):
    body = {"model": "function_calling", "messages": [{"role": "user", "content": question}]}
    reply = await client.post("/v1/chat/completions", json={**body, "sandtable": {"options": options}})
    assert reply.status_code == 409, reply.text
    error = reply.json()["error"]
    assert error["code"] == "run_interrupted"
    return error["sandtable"]


async def resume(client, run_id, **body):
    reply = await client.post(f"/v1/runs/{run_id}/resume", json=body)
    assert reply.status_code == 202, reply.text
    return await over(client, reply.json()["id"])


async def over(client, run_id):
    """The run at its end."""
    async with asyncio.timeout(20):
        async for _ in client.app.state.services.events.follow(run_id, 0):
            pass
    return (await client.get(f"/v1/runs/{run_id}")).json()


async def refused(client, run_id, **body):
    reply = await client.post(f"/v1/runs/{run_id}/resume", json=body)
    return reply.status_code, reply.json()["error"]["code"], reply.json()["error"]["param"]


async def test_a_run_waits_and_goes_on(served, ledger):
    async with served() as client:
        about = await asked(client)
        run = (await client.get(f"/v1/runs/{about['run_id']}")).json()
        assert (run["status"], run["questions"]) == ("waiting", about["questions"])
        assert run["questions"][0]["value"]["details"]["arguments"] == {"to": "小红", "cents": 5}
        assert rows(ledger, "effect") == [("note", "a")]

        done = await resume(client, run["id"], answer=True)
        assert (done["status"], done["answer"], done["thread_id"]) == ("success", "All is done.", run["thread_id"])
        # The call beside it was made once, and not again after the answer.
        assert rows(ledger, "try") == [("note", "a"), ("pay", "小红 5")]
        events = (await events_of(client, done["id"]))["data"]
        assert [e["type"] for e in events if e["type"].startswith("approval")] == ["approval_answered"]
        assert (await client.get(f"/v1/runs/{run['id']}")).json()["status"] == "answered"


async def test_it_waits_through_a_restart(served, ledger):
    async with served() as client:
        run_id = (await asked(client))["run_id"]
    async with served() as client:
        done = await resume(client, run_id, answer={"approved": True, "edit": {"to": "小红", "cents": 2}})
        assert done["answer"] == "All is done."
    assert rows(ledger, "try") == [("note", "a"), ("pay", "小红 2")]


async def test_a_refusal(served, ledger):
    async with served() as client:
        done = await resume(client, (await asked(client))["run_id"], answer={"approved": False, "comment": "太多了"})
        assert done["status"] == "success"
        (call,) = [e for e in (await events_of(client, done["id"]))["data"] if e["type"] == "llm_called"]
        assert "A person refused this call: 太多了." in call["request"]["messages"][-1]["content"]
    assert rows(ledger, "try") == [("note", "a")]


async def test_questions_can_be_answered_one_by_one(served, ledger):
    async with served() as client:
        first = await asked(client, "Both!")
        ids = [question["id"] for question in first["questions"]]
        second = await resume(client, first["run_id"], answers={ids[0]: True})
        assert (second["status"], [q["id"] for q in second["questions"]]) == ("waiting", [ids[1]])
        assert await refused(client, second["id"], answers={ids[0]: True}) == (
            400,
            "unknown_question",
            f"answers.{ids[0]}",
        )
        done = await resume(client, second["id"], answers={ids[1]: "no"})
        assert done["answer"] == "Both are done."
    assert rows(ledger, "try") == [("pay", "小红 5")]


async def test_of_two_answers_the_first_counts(served, ledger):
    async with served() as client:
        run_id = (await asked(client))["run_id"]
        replies = await asyncio.gather(
            *(client.post(f"/v1/runs/{run_id}/resume", json={"answer": True}) for _ in range(4))
        )
        assert sorted(reply.status_code for reply in replies) == [202, 409, 409, 409]
        await over(client, next(reply.json()["id"] for reply in replies if reply.status_code == 202))
        assert await refused(client, run_id, answer=True) == (409, "run_not_waiting", None)
    assert rows(ledger, "try") == [("note", "a"), ("pay", "小红 5")]


async def test_wrong_answers_are_named(served, ledger):
    async with served() as client:
        run_id = (await asked(client))["run_id"]
        assert await refused(client, run_id) == (400, "invalid_value", "answer")
        assert await refused(client, run_id, answer=True, answers={}) == (400, "invalid_value", "answer")
        assert await refused(client, run_id, answers={}) == (400, "invalid_value", "answers")
        assert await refused(client, run_id, answer="perhaps") == (400, "invalid_answer", "answer")
        assert await refused(client, run_id, answer={"approve": True}) == (400, "invalid_answer", "answer")
        assert await refused(client, "none", answer=True) == (404, "not_found", "run_id")
        assert (await client.get(f"/v1/runs/{run_id}")).json()["status"] == "waiting"
    assert rows(ledger, "try") == [("note", "a")]


async def test_options_choose_among_the_tools_of_the_service(served):
    async with served() as client:
        body = {"model": "function_calling", "messages": [{"role": "user", "content": "Pay!"}]}
        for option in ("tools", "approve"):
            reply = await client.post(
                "/v1/chat/completions", json={**body, "sandtable": {"options": {option: ["pai"]}}}
            )
            error = reply.json()["error"]
            assert (reply.status_code, error["param"]) == (400, f"sandtable.options.{option}")
            assert f"there is no tool 'pai'; there are {', '.join(Toolbox())}, pay, note" in error["message"]


async def test_the_stream_says_that_it_waits(served):
    async with served() as client:
        body = {"model": "function_calling", "messages": [{"role": "user", "content": "Pay!"}], "stream": True}
        reply = await client.post("/v1/chat/completions", json=body)
        # No word of the answer and no thought came before, so the status could still tell.
        assert reply.status_code == 409, reply.text
        assert reply.json()["error"]["code"] == "run_interrupted"
        body["messages"][0]["content"] = "Think and pay!"
        reply = await client.post("/v1/chat/completions", json=body)
        assert reply.status_code == 200
        *thoughts, last = [json.loads(line[6:]) for line in reply.text.split("\n\n") if line.startswith("data: {")]
        told = "".join(chunk["choices"][0]["delta"].get("reasoning_content") or "" for chunk in thoughts)
        assert told.startswith("I shall pay.\nWaits for a person: call pay with {")
        assert last["error"]["code"] == "run_interrupted"
        done = await resume(client, last["error"]["sandtable"]["run_id"], answer=True)
        assert done["answer"] == "Paid."
