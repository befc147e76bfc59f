"""A call that waits for a person, asked and answered by langgraph-sdk as any LangGraph interrupt."""

import json

import pytest
from langgraph_sdk import get_client

from tests.server.conftest import listening
from tests.server.counted_tools import LEDGER, rows

CALLS = [
    {"id": "c1", "name": "note", "arguments": {"text": "a"}},
    {"id": "c2", "name": "pay", "arguments": {"to": "小红", "cents": 5}},
]
SCRIPT = [{"results": 0, "tool_calls": CALLS}, {"results": 2, "text": "All is done."}]
TOOLS = ("tests.server.counted_tools:pay", "tests.server.counted_tools:note")


@pytest.fixture
async def sdk(tmp_path, monkeypatch):
    script = tmp_path / "script.json"
    script.write_text(json.dumps(SCRIPT))
    monkeypatch.setenv(LEDGER, str(tmp_path / "ledger.sqlite3"))
    async with (
        listening(tmp_path / "data", backend=f"scripted:{script}", tools=TOOLS) as service,
        get_client(url=str(service.base_url), api_key=None) as client,
    ):
        yield client


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "done"), [(True, [("note", "a"), ("pay", "小红 5")]), ({"approved": False}, [("note", "a")])]
)
async def test_an_interrupt_is_resumed_by_command(sdk, tmp_path, answer, done):
    thread = (await sdk.threads.create())["thread_id"]
    waiting = await sdk.runs.wait(thread, "function_calling", input={"question": "Pay!"})
    (asked,) = waiting["__interrupt__"]
    assert asked["value"]["details"]["arguments"] == {"to": "小红", "cents": 5}
    assert (await sdk.threads.get(thread))["status"] == "interrupted"

    values = await sdk.runs.wait(thread, "function_calling", command={"resume": answer})
    assert values["answer"] == "All is done."
    assert (await sdk.threads.get(thread))["status"] == "idle"
    assert rows(str(tmp_path / "ledger.sqlite3"), "try") == done


@pytest.mark.slow
async def test_an_answer_by_the_id_of_its_question_streams_the_rest(sdk, tmp_path):
    thread = (await sdk.threads.create())["thread_id"]
    waiting = await sdk.runs.wait(thread, "function_calling", input={"question": "Pay!"})
    resume = {waiting["__interrupt__"][0]["id"]: {"approved": True, "edit": {"to": "Bo", "cents": 1}}}
    stream = sdk.runs.stream(thread, "function_calling", command={"resume": resume}, stream_mode=["custom", "values"])
    parts = [part async for part in stream]
    called = [part.data for part in parts if part.event == "custom" and part.data["type"] == "tool_called"]
    assert [(event["call"]["name"], event["output"]) for event in called] == [("pay", "pay: Bo 1")]
    assert [part.data for part in parts if part.event == "values"][-1]["answer"] == "All is done."
    assert rows(str(tmp_path / "ledger.sqlite3"), "try") == [("note", "a"), ("pay", "Bo 1")]
