"""The backend alone: what every other pipeline is compared with.

reply -> END
"""

from __future__ import annotations

from langgraph.graph import StateGraph
from langgraph.runtime import Runtime

from agents.pipeline import Options, Pipeline, State
from agents.run import Run
from backends.base import Message


async def reply(state: State, runtime: Runtime[Run]) -> State:
    question = state["question"]
    turns = (*state["history"], Message(role="user", content=question))
    completion = await runtime.context.ask(*turns, question=question, stream_to="answer")
    return {"answer": completion.message.content}


graph = StateGraph(State, context_schema=Run)
graph.add_node(reply)
graph.add_edge("__start__", "reply")

pipeline = Pipeline(
    name="chat",
    summary="Ask the backend and nothing else: the baseline of every comparison.",
    source="-",
    options=Options,
    graph=graph,
)
