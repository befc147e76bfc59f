"""The call that `mrkl` would make, of functions that nobody carries out: which one it routes to, with which arguments.

It is the pipeline's own two first steps that run, with the functions as its tools.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agents.run import RunInput
from agents.stream import stream
from backends.base import ToolSpec
from tools.base import Tool
from tools.schema_arguments import schema_checker

if TYPE_CHECKING:
    from agents.pipeline import Pipeline
    from agents.run import Deps
    from tools.base import Context


async def call_of(question: str, functions: Sequence[Mapping[str, Any]], deps: Deps, *, run_id: str) -> dict[str, Any]:
    """As JSON: `answer`, the call as text, `[{"name", "arguments"}]`, empty if no function was chosen, its arguments
    why there are none if none were found; `calls` of the model, each its backend, usage and whether it was `cached`;
    its `tokens` (None: it did not say), `seconds`, and `error` with `code` if the run failed. `functions`: as OpenAI's
    API takes tools."""
    began, name, answer = time.perf_counter(), "", ""
    calls, error, code = list[dict[str, Any]](), None, None
    tools = {one.name: one for one in (_tool(function["function"]) for function in functions)}
    told = stream(_two_steps(), RunInput(question=question), replace(deps, tools=tools), run_id=run_id)
    async for event in told:
        if event.type == "llm_called":
            said = event.completion.model_dump(include={"usage", "cached"})
            calls.append({"backend": event.backend, **said})
        elif event.type == "run_failed":
            error, code = event.message, event.code
        elif event.type == "step_finished" and event.node == "route":
            name = event.update.get("expert", {}).get("name", "")
        elif event.type == "step_finished" and event.node == "extract":
            made = event.update.get("call")
            given = event.update.get("why") if made is None else json.loads(made["arguments"])
            answer = json.dumps([{"name": name, "arguments": given}], ensure_ascii=False)
    usages = [call["usage"] for call in calls]
    tokens = None if None in usages else sum(one["prompt_tokens"] + one["completion_tokens"] for one in usages)
    return {
        "answer": answer, "calls": calls, "tokens": tokens, "error": error, "code": code,
        "seconds": time.perf_counter() - began,
    }  # fmt: skip


def _two_steps() -> Pipeline:
    from langgraph.graph import END, StateGraph

    from agents.mrkl import MrklState, after_route, extract, pipeline, route
    from agents.run import Run

    graph = StateGraph(MrklState, context_schema=Run)
    graph.add_node(route)
    graph.add_node(extract)
    graph.add_edge("__start__", "route")
    graph.add_conditional_edges("route", after_route, {"extract": "extract", "delegate": END, "fallback": END})
    return replace(pipeline, graph=graph)


def _tool(function: Mapping[str, Any]) -> Tool:
    async def run(given: Mapping[str, Any], context: Context) -> str:
        return "not carried out"

    spec = ToolSpec(name=function["name"], description=function["description"], parameters=dict(function["parameters"]))
    return Tool(spec=spec, check=schema_checker(spec.name, spec.parameters), run=run, read_only=True)
