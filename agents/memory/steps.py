"""Memory around any pipeline: two steps, one before its own and one when it is about to end.

    memory_recall -> the pipeline -> memory_keep -> END

What is recalled goes into the system message of every call of the run, nested pipelines included; a compacted history
takes the place of `history` until the end, and `whole_history` keeps what the thread has.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from langgraph.graph import StateGraph
from langgraph.runtime import Runtime

from agents.errors import LimitReached
from agents.memory import calls
from agents.memory.drafting import facts
from agents.memory.formats import fenced, newest_first, shown
from agents.memory.observing import observe
from agents.memory.reminder import Reminder
from agents.memory.requests import remaining, to_forget
from agents.memory.short import compact
from agents.pipeline import Pipeline, State
from agents.run import Run
from backends.errors import BackendError
from retrieval.errors import RetrievalError

if TYPE_CHECKING:
    from agents.memory.recalling import Recalled
    from agents.memory.settings import MemorySettings

    Graph = StateGraph[Any, Any, Any, Any]

RECALL, KEEP = "memory_recall", "memory_keep"


class MemoryState(State, total=False):
    recalled: dict[str, Any]
    """`agents.memory.reminder.Reminder`, as JSON: for a run that goes on after a crash."""


def remembering(pipeline: Pipeline, settings: MemorySettings | None) -> Pipeline:
    """The pipeline with the two steps around it, if there is a memory."""
    return pipeline if settings is None or settings.kind == "none" else _remembering(pipeline)


@cache
def _remembering(pipeline: Pipeline) -> Pipeline:
    graph: Graph = copy.copy(pipeline.graph)
    for name, part in vars(graph).items():
        if isinstance(part, dict | set):
            setattr(graph, name, part.copy())
    graph.compiled = False
    graph.edges = {(_recalled(start), KEEP if end == "__end__" else end) for start, end in graph.edges}
    everywhere = {name: name for name in graph.nodes}
    graph.branches = cast(
        "Any",
        {
            _recalled(start): {
                name: branch._replace(ends=_kept(branch.ends or {**everywhere, "__end__": "__end__"}))
                for name, branch in branches.items()
            }
            for start, branches in graph.branches.items()
        },
    )
    leads_on = {start for start, _ in graph.edges} | set(graph.branches)
    leads_on |= {start for starts, _ in graph.waiting_edges for start in starts}
    graph.add_node(RECALL, cast("Any", recall_memory))
    # Deferred: where several steps run side by side, it waits for the last.
    graph.add_node(KEEP, cast("Any", keep_memory), defer=True)
    graph.add_edge("__start__", RECALL)
    for name in everywhere.keys() - leads_on:
        graph.add_edge(name, KEEP)
    return replace(pipeline, graph=graph)


def _recalled(start: str) -> str:
    return RECALL if start == "__start__" else start


def _kept(ends: Mapping[Any, str]) -> dict[Any, str]:
    return {key: KEEP if end == "__end__" else end for key, end in ends.items()}


async def recall_memory(state: MemoryState, runtime: Runtime[Run]) -> MemoryState:
    run, question = runtime.context, state["question"]
    settings = _settings(run)
    update: MemoryState = {}
    summary, found, told = "", list["Recalled"](), ""
    if settings.compacts:
        summary, kept = await compact(run, state["history"], settings.budget)
        if len(kept) < len(state["history"]):
            update |= {"history": kept, "whole_history": state["history"]}
    if settings.recalls:
        if what := to_forget(question):
            gone = await calls.forgot(run, what)
            told = FORGOTTEN.format(count=len(gone))
        found = await calls.recalled(run, settings, question)
        if settings.kind != "stream" and settings.format != "embeddings":
            found = newest_first(found)
    text = "\n\n".join(part for part in (told, fenced(summary, shown(found, settings.format, settings.budget))) if part)
    run.reminder = Reminder(text=text, summary=summary, records=tuple(one.record for one in found))
    return {**update, "recalled": run.reminder.model_dump(mode="json")}


async def keep_memory(state: MemoryState, runtime: Runtime[Run]) -> MemoryState:
    run = runtime.context
    settings = _settings(run)
    question, answer = state["question"], state.get("answer") or ""
    if settings.recalls and (said := remaining(question)).strip():
        try:
            if settings.kind == "stream":
                await observe(run, settings, said, answer)
            else:
                known = run.reminder.records if run.reminder is not None else ()
                await calls.remembered(run, await facts(run, said, answer, known))
        except (BackendError, LimitReached, RetrievalError) as error:
            # The answer is there, and stands.
            run.warn("memory", f"nothing of this turn is remembered: {error}")
    whole = state.get("whole_history")
    return {"history": whole, "whole_history": []} if whole else {}


def _settings(run: Run) -> MemorySettings:
    assert run.input.memory is not None
    return run.input.memory


FORGOTTEN = "The user asks to forget something. {count} records of memory were erased for that; say so briefly."
