"""Tools as a recorded run knew them: enough of each to be offered and called from a cassette, never to act."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from agents.events import ApprovalAsked, Event, LLMCalled, ToolCalled
from agents.failures import LLMFailed
from backends.base import ToolCall, ToolSpec
from tools import catalog
from tools.base import Tool
from tools.errors import BadArguments


def stand_ins(events: Iterable[Event]) -> Mapping[str, Tool]:
    """By name: those that the model was offered; if it was offered none, those of the catalogue and of a router."""
    specs: dict[str, ToolSpec] = {}
    asked: dict[str, str] = {}
    """With their purposes."""
    routed: dict[str, ToolSpec] = {}
    refused: dict[tuple[str, str], str] = {}
    for event in events:
        match event:
            case LLMCalled() | LLMFailed():
                specs |= {spec.name: spec for spec in event.request.tools}
            case ApprovalAsked():
                asked[str(event.details.get("tool"))] = str(event.details.get("purpose", ""))
            case ToolCalled(fault="bad_arguments"):
                refused[event.call.name, event.call.arguments] = event.output
            case ToolCalled(call=ToolCall(name="router" | "registry"), fault=None):
                routed |= {spec.name: spec for spec in _of_router(event.output)}
            case _:
                pass
    if not specs:
        built_in = {name: catalog.get(name) for name in catalog.TOOLS}
        own = {name: spec for name, spec in routed.items() if name not in built_in}
        for name in own.keys() & asked.keys():
            own[name] = own[name].model_copy(update={"description": asked[name]})
        return {name: _stand_in(spec, name in asked, refused) for name, spec in own.items()} | {
            name: replace(tool, needs_approval=tool.needs_approval or name in asked) for name, tool in built_in.items()
        }
    return {name: _stand_in(spec, name in asked, refused) for name, spec in specs.items()}


def _of_router(outcome: str) -> list[ToolSpec]:
    """The tools among the experts that `agents.mrkl_routing` or `agents.task_experts.listing` found."""
    experts = [one["expert"] for one in json.loads(outcome).get("experts", []) if "expert" in one]
    return [
        ToolSpec(name=expert["name"], description=expert["description"], parameters=expert["parameters"])
        for expert in experts
        if expert["kind"] == "tool"
    ]


def _stand_in(spec: ToolSpec, needs_approval: bool, refused: Mapping[tuple[str, str], str]) -> Tool:
    size: dict[str, Any] = {}
    if spec.name in catalog.TOOLS:
        size["max_chars"] = catalog.get(spec.name).max_chars
    return Tool(spec=spec, check=_checker(spec.name, refused), run=_act, needs_approval=needs_approval, **size)


def _checker(name: str, refused: Mapping[tuple[str, str], str]) -> Callable[[str], dict[str, Any]]:
    def check(arguments: str) -> dict[str, Any]:
        if (name, arguments) in refused:
            raise BadArguments(refused[name, arguments])
        return {}

    return check


async def _act(_arguments: Mapping[str, Any], _context: Any) -> object:
    raise AssertionError("a replay calls no tools")
