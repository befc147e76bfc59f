"""A graph with a checkpointer, stopped half-way and resumed, under LangGraph's strict serialisation."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import asyncio

from langgraph.checkpoint.memory import InMemorySaver

from agents import catalog
from agents.citation import Citation
from agents.outlet import Outlet
from agents.run import Deps, Run, RunInput
from agents.thread import Place
from backends.base import Message, ToolCall
from retrieval.base import Hit, StageScores
from tests.agents.fakes import Replies, Shelf, run, said

HISTORY = [
    Message(role="user", content="Hi"),
    Message(role="assistant", tool_calls=(ToolCall(id="1", name="look", extra={"deep": {"er": 1}}),)),
    Message(role="tool", content="found", tool_call_id="1"),
]


async def main():
    pipeline, saver = catalog.get("rag"), InMemorySaver()
    graph = pipeline.graph.compile(checkpointer=saver, interrupt_after=["answer"])
    shelf = Shelf("The tower is 330 metres tall.")
    shelf.hits = [shelf.hits[0].model_copy(update={"stages": StageScores(dense=0.5), "attributes": {"year": 1889.0}})]
    deps = Deps(backend=Replies(said("It is 330 metres tall [1].")), retriever=shelf)
    config = {"configurable": {"thread_id": "t"}}
    context = Run(deps, RunInput(question="How tall?"), Outlet("r"))
    await graph.ainvoke({"question": "How tall?", "history": HISTORY}, config, context=context)

    again = pipeline.graph.compile(checkpointer=saver)
    values = await again.ainvoke(None, config, context=Run(deps, RunInput(question="How tall?"), Outlet("r")))
    assert values["history"] == HISTORY, values["history"]
    assert values["hits"] == shelf.hits, values["hits"]
    stored = (await again.aget_state(config)).values
    assert [type(c) for c in stored["citations"]] == [Citation], stored["citations"]
    assert stored["citations"][0].quote == "The tower is 330 metres tall."
    assert isinstance(stored["hits"][0], Hit) and isinstance(stored["hits"][0].stages, StageScores)
    assert len(deps.backend.requests) == 1

    told = await run(pipeline, deps, place=Place(graph=again, thread_id="other"))
    assert told[-1].type == "run_finished", told[-1]


asyncio.run(main())
"""


@pytest.mark.slow
def test_state_comes_back_as_it_went():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "LANGGRAPH_STRICT_MSGPACK": "true"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "locked" not in done.stderr, done.stderr


def test_the_catalogue_and_the_events_load_without_langgraph():
    code = "import sys, agents.catalog, agents.events, agents.run, agents.stream; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    heavy = {"langgraph", "langchain_core", "numpy", "faiss", "onnxruntime", "torch", "httpx"}
    assert heavy.isdisjoint(loaded.stdout.split())
