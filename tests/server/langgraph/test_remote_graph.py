"""LangGraph's RemoteGraph, unmodified: this service as a graph, and as a step of one."""

from typing import TypedDict
from uuid import uuid4

import pytest
import pytest_asyncio
from langgraph.graph import StateGraph
from langgraph.pregel.remote import RemoteGraph
from langgraph.types import Command

from tests.server.langgraph.conftest import collect

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def remote(service, sdk):
    def make(name):
        return RemoteGraph(name, client=sdk)

    return make


def on_thread():
    return {"configurable": {"thread_id": str(uuid4())}}


@pytest.mark.slow
async def test_it_is_called(remote):
    graph, config = remote("chat"), on_thread()
    values = await graph.ainvoke({"question": "Hello"}, config)
    assert values["answer"] == "Hello"
    assert (await graph.ainvoke({"question": "alone"}))["answer"] == "alone"
    state = await graph.aget_state(config)
    assert (state.values, state.next) == (values, ())
    states = await collect(graph.aget_state_history(config))
    assert states[0].values == values
    assert (await graph.aget_state(states[0].config)).values == values
    changed = await graph.aupdate_state(config, {"answer": "edited"}, as_node="reply")
    assert (await graph.aget_state(changed)).values["answer"] == "edited"


async def test_it_is_streamed(remote):
    graph, config = remote("chat"), on_thread()
    parts = await collect(
        graph.astream({"question": "One two"}, config, stream_mode=["updates", "custom", "messages"], version="v2")
    )
    assert [part["data"]["reply"]["answer"] for part in parts if part["type"] == "updates"] == ["One two"]
    assert "".join(part["data"][0]["content"] for part in parts if part["type"] == "messages") == "One two"
    assert {part["data"]["type"] for part in parts if part["type"] == "custom"} >= {"run_started", "run_finished"}


async def test_it_asks_and_is_answered(remote):
    graph, config = remote("asks"), on_thread()
    parts = await collect(graph.astream({"question": "rm"}, config, stream_mode="values", version="v2"))
    assert [asked.value["subject"] for asked in parts[-1]["interrupts"]] == ["Delete the file?"]
    assert (await graph.aget_state(config)).interrupts == parts[-1]["interrupts"]
    assert (await graph.ainvoke(Command(resume=True), config))["answer"] == "Done: deleted."


async def test_it_is_drawn(remote):
    drawn = await remote("steps").aget_graph(xray=True)
    assert set(drawn.nodes) == {"__start__", "work", "finish", "__end__"}
    assert "work" in drawn.draw_mermaid()


class State(TypedDict, total=False):
    question: str
    answer: str
    after: str


@pytest.mark.slow
async def test_it_is_a_step_of_a_graph(remote):
    async def after(state: State) -> State:
        return {"after": state["answer"].upper()}

    builder = StateGraph(State)
    builder.add_node("remote", remote("chat"))
    builder.add_node("after", after)
    builder.add_edge("__start__", "remote")
    builder.add_edge("remote", "after")
    graph = builder.compile()
    assert (await graph.ainvoke({"question": "hello"}))["after"] == "HELLO"
    parts = await collect(graph.astream({"question": "hello"}, stream_mode="updates", subgraphs=True))
    assert [next(iter(update)) for _, update in parts] == ["reply", "remote", "after"]
    again = await graph.ainvoke({"question": "hello", "answer": "left over"})
    assert again["after"] == "HELLO"
