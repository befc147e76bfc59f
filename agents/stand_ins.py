"""Tools as a recorded run knew them: enough of each to be offered and called from a cassette, never to act."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from agents.events import ApprovalAsked, Event, LLMCalled, ToolCalled
from agents.failures import LLMFailed
from backends.base import ToolSpec
from tools import catalog
from tools.base import Tool
from tools.errors import BadArguments


def stand_ins(events: Iterable[Event]) -> Mapping[str, Tool]:
    """By name: those that the model was offered; if it was offered none, those of the catalogue."""
    specs: dict[str, ToolSpec] = {}
    asked: set[str] = set()
    refused: dict[tuple[str, str], str] = {}
    for event in events:
        match event:
            case LLMCalled() | LLMFailed():
                specs |= {spec.name: spec for spec in event.request.tools}
            case ApprovalAsked():
                asked.add(str(event.details.get("tool")))
            case ToolCalled(fault="bad_arguments"):
                refused[event.call.name, event.call.arguments] = event.output
            case _:
                pass
    if not specs:
        return {name: catalog.get(name) for name in catalog.TOOLS}
    return {name: _stand_in(spec, name in asked, refused) for name, spec in specs.items()}


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
