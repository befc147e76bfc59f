"""A pipeline of counted steps with a side effect that is keyed, for tests of what a crash does to a run."""

import asyncio
import sqlite3
from contextlib import closing
from typing import Literal

from langgraph.graph import StateGraph
from langgraph.runtime import Runtime
from pydantic import Field

from agents.pipeline import Options, Pipeline, State
from agents.run import Run
from backends.base import Message, ToolCall
from tools.perform import Outcome


class StepOptions(Options):
    steps: int = Field(8, description="How many.")
    pause: float = Field(0.1, description="Seconds of each.")
    ledger: str = Field("", description="SQLite file of the effects; none without.")
    ask: bool = Field(False, description="Call the backend in every step.")
    approve: bool = Field(False, description="Ask a person before the last step.")


class StepState(State, total=False):
    n: int


async def work(state: StepState, runtime: Runtime[Run]) -> StepState:
    run, n = runtime.context, state.get("n", 0)
    options = run.options(StepOptions)
    await asyncio.sleep(options.pause)
    if options.ledger:
        question = state["question"]

        async def perform(key: str) -> Outcome:
            await asyncio.to_thread(record, options.ledger, key, question, n)
            return Outcome(f"effect {n}")

        await run.call(ToolCall(id=f"call-{n}", name="ledger"), perform)
    if options.ask:
        await run.ask(Message(role="user", content=f"{state['question']} {n}"))
    if options.approve and n == options.steps - 1:
        approval = await run.approve("the last step", {"n": n})
        run.say(f"{approval.approved} ")
    run.say(f"{n} ")
    return {"n": n + 1, "answer": run.said}


def more(state: StepState, runtime: Runtime[Run]) -> Literal["work", "__end__"]:
    return "work" if state["n"] < runtime.context.options(StepOptions).steps else "__end__"


def record(path: str, key: str, question: str, n: int) -> None:
    """Do the effect once per key, and note each try."""
    with closing(sqlite3.connect(path, timeout=30)) as db, db:
        db.execute("create table if not exists effect (key text primary key, question text, n int)")
        db.execute("create table if not exists try (key text)")
        db.execute("insert into try values (?)", (key,))
        db.execute("insert or ignore into effect values (?, ?, ?)", (key, question, n))


def effects(path: str) -> dict[str, list[int]]:
    """The steps whose effect happened, by question, in their order."""
    found: dict[str, list[int]] = {}
    with closing(sqlite3.connect(path, timeout=30)) as db:
        for question, n in db.execute("select question, n from effect order by rowid"):
            found.setdefault(question, []).append(n)
    return found


graph = StateGraph(StepState, context_schema=Run)
graph.add_node(work)
graph.add_edge("__start__", "work")
graph.add_conditional_edges("work", more)

pipeline = Pipeline(name="steps", summary="Count.", source="-", options=StepOptions, graph=graph)
SETTING = {"steps": "tests.server.step_pipeline:pipeline"}
