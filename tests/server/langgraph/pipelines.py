"""Small pipelines for the tests of the LangGraph API, loaded by the setting `pipelines`."""

from __future__ import annotations

import asyncio

from langgraph.graph import StateGraph
from langgraph.runtime import Runtime

from agents.pipeline import Options, Pipeline, State
from agents.run import Run
from backends.base import Message, ToolCall
from tools.perform import Outcome


class StepOptions(Options):
    steps: int = 3
    """How many words the answer has."""
    seconds: float = 0.0
    """How long each step takes."""


class StepState(State, total=False):
    words: list[str]


async def work(state: StepState, runtime: Runtime[Run]) -> StepState:
    """One word of the answer; a side effect that is counted by its key."""
    run, words = runtime.context, state.get("words", [])
    options = run.options(StepOptions)
    await asyncio.sleep(options.seconds)
    run.say(f"{len(words)} ")
    return {"words": [*words, str(len(words))]}


async def finish(state: StepState, runtime: Runtime[Run]) -> StepState:
    return {"answer": "".join(f"{word} " for word in state["words"])}


def more(state: StepState, runtime: Runtime[Run]) -> str:
    return "work" if len(state["words"]) < runtime.context.options(StepOptions).steps else "finish"


steps = StateGraph(StepState, context_schema=Run)
steps.add_node(work)
steps.add_node(finish)
steps.add_edge("__start__", "work")
steps.add_conditional_edges("work", more, ["work", "finish"])

stepping = Pipeline(name="steps", summary="Counts.", source="-", options=StepOptions, graph=steps)


class AskState(State, total=False):
    plan: str


async def plan(state: AskState, runtime: Runtime[Run]) -> AskState:
    run = runtime.context
    reply = await run.ask(*state["history"], Message(role="user", content=state["question"]))
    return {"plan": reply.message.content}


async def act(state: AskState, runtime: Runtime[Run]) -> AskState:
    run = runtime.context
    approval = await run.approve("Delete the file?", {"plan": state["plan"]})
    if not approval.approved:
        return {"answer": f"Not done. {approval.comment}".strip()}

    async def delete(key: str) -> Outcome:
        return Outcome("deleted")

    outcome = await run.call(ToolCall(id="1", name="delete"), delete)
    return {"answer": f"Done: {outcome.text}."}


asks = StateGraph(AskState, context_schema=Run)
asks.add_node(plan)
asks.add_node(act)
asks.add_edge("__start__", "plan")
asks.add_edge("plan", "act")

asking = Pipeline(name="asks", summary="Asks a person.", source="-", options=Options, graph=asks)

PIPELINES = {
    "steps": "tests.server.langgraph.pipelines:stepping",
    "asks": "tests.server.langgraph.pipelines:asking",
}
