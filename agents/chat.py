"""The backend alone: what every other pipeline is compared with.

reply -> END
"""

from __future__ import annotations

from langgraph.graph import StateGraph
from langgraph.runtime import Runtime

from agents.pipeline import Options, Pipeline, State
from agents.run import Run
from agents.structured import answer_in_json
from agents.wishes import Wishes
from backends.base import Message, ToolCall


class ChatState(State, total=False):
    tool_calls: list[ToolCall]
    """Of the client's tools."""


async def reply(state: ChatState, runtime: Runtime[Run]) -> ChatState:
    run, question = runtime.context, state["question"]
    turns = (*state["history"], Message(role="user", content=question, images=run.input.images), *run.input.after)
    wishes = run.input.wishes.fields()
    schema = wishes.pop("json_schema", None)
    if schema is None:
        completion = await run.ask(*turns, question=question, stream_to="answer", **wishes)
    else:
        completion = await answer_in_json(run, *turns, schema=schema, question=question, **wishes)
    calls = completion.message.tool_calls
    if run.input.wishes.parallel_tool_calls is False and len(calls) > 1:
        run.warn("one_tool_call", f"the backend called {len(calls)} tools at once, only the first is passed on")
        calls = calls[:1]
    return {"answer": completion.message.content, "tool_calls": list(calls)}


graph = StateGraph(ChatState, context_schema=Run)
graph.add_node(reply)
graph.add_edge("__start__", "reply")

pipeline = Pipeline(
    name="chat",
    summary="Ask the backend and nothing else: the baseline of every comparison.",
    source="-",
    options=Options,
    graph=graph,
    takes=frozenset({"images", *Wishes.model_fields}),
)
