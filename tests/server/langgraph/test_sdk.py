"""langgraph-sdk, unmodified, over a real connection."""

import pytest

from tests.server.langgraph.conftest import collect

pytestmark = pytest.mark.asyncio(loop_scope="module")


def said(values):
    return [(message["type"], message["content"]) for message in values["messages"]]


async def test_every_pipeline_is_an_assistant(sdk):
    found = await sdk.assistants.search(limit=100)
    assert {one["graph_id"] for one in found} >= {"chat", "rag", "steps", "asks"}
    by_name = await sdk.assistants.get("chat")
    assert by_name == await sdk.assistants.get(by_name["assistant_id"])
    assert await sdk.assistants.count(graph_id="chat") == 1


async def test_a_run_is_waited_for(sdk):
    thread = await sdk.threads.create(metadata={"who": "ada"})
    values = await sdk.runs.wait(thread["thread_id"], "chat", input={"question": "Hello there"})
    assert said(values) == [("human", "Hello there"), ("ai", "Hello there")]
    assert (values["question"], values["answer"]) == ("Hello there", "Hello there")
    again = await sdk.runs.wait(thread["thread_id"], "chat", input={"messages": [{"role": "user", "content": "你好"}]})
    assert said(again) == [("human", "Hello there"), ("ai", "Hello there"), ("human", "你好"), ("ai", "你好")]
    assert again["messages"][:2] == values["messages"]
    found = await sdk.threads.get(thread["thread_id"])
    assert (found["status"], found["values"]) == ("idle", again)


async def test_all_modes_are_streamed(sdk):
    thread, meta = (await sdk.threads.create())["thread_id"], {}
    modes = ["values", "updates", "custom", "messages-tuple", "messages", "checkpoints"]
    parts = await collect(
        sdk.runs.stream(thread, "chat", input={"question": "One two"}, stream_mode=modes, on_run_created=meta.update)
    )
    assert parts[0].event == "metadata"
    assert parts[0].data == {"run_id": meta["run_id"], "attempt": 1}
    assert meta["thread_id"] == thread
    by = {mode: [part.data for part in parts if part.event == mode] for mode in {part.event for part in parts}}
    assert by["updates"][0]["reply"]["answer"] == "One two"
    assert [event["seq"] for event in by["custom"]] == list(range(1, len(by["custom"]) + 1))
    assert "".join(piece["content"] for piece, _ in by["messages"]) == "One two"
    final = by["values"][-1]["messages"][-1]
    assert {piece["id"] for piece, _ in by["messages"]} == {final["id"]}
    assert by["messages/partial"][-1][0]["content"] == by["messages/complete"][0][0]["content"] == "One two"
    assert [len(values["messages"]) for values in by["values"]] == [1, 2]
    assert by["checkpoints"][-1]["next"] == []
    assert by["values"][-1] == await sdk.runs.join(thread, meta["run_id"])
