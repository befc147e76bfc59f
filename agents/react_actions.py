"""What an action of ReAct does: on the closed encyclopedia, or by a tool. What is wrong with it is an observation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

from agents import react_text
from agents.sources import unfenced
from agents.tool_use import ToolOptions, offered, use
from backends.base import ToolCall
from tools import wiki
from tools.perform import Outcome
from tools.wiki import Page, Place

if TYPE_CHECKING:
    from agents.react import ReactOptions
    from agents.run import Run
    from tools.base import Tool

LONGEST = 4_000
"""Characters of an observation by a tool: all of them are read again at every step."""


def on_wiki(run: Run, options: ReactOptions) -> bool:
    if options.environment == "auto":
        return options.tools is None and run.deps.retriever is not None
    return options.environment == "wiki"


async def observed(
    run: Run, options: ReactOptions, action: str, step: int, place: Place | None
) -> tuple[str, Place | None]:
    """What is observed, and where in the encyclopedia the reader is then. Raises CollectionRequired, LimitReached."""
    found = react_text.read(action)
    if on_wiki(run, options):
        return await _walk(run, found, action, step, place or wiki.nowhere())
    return await _with_tool(run, options, found, action, step), None


async def _walk(
    run: Run, action: react_text.Action | None, written: str, step: int, place: Place
) -> tuple[str, Place]:  # fmt: skip
    name: Literal["search", "lookup", "invalid"] = "invalid"
    said, there, found = f"Invalid action: {written}", place, None
    if action is not None and action.argument and action.name.casefold() == "search":
        name, found = "search", await wiki.find(run, action.argument)
        said, there = wiki.search(place, action.argument, found)
    elif action is not None and action.name.casefold() == "lookup":
        name = "lookup"
        said, there = wiki.lookup(place, action.argument)

    async def told(_key: str) -> Outcome:
        return Outcome(said, found.hits if isinstance(found, Page) else (), "refused" if name == "invalid" else None)

    arguments = {"action": name, "text": action.argument if action is not None else written}
    call = ToolCall(id=f"step_{step}", name="wikipedia", arguments=json.dumps(arguments, ensure_ascii=False))
    await run.call(call, told)
    return said, there


async def _with_tool(
    run: Run, options: ToolOptions, action: react_text.Action | None, written: str, step: int
) -> str:  # fmt: skip
    tools = offered(run, options)
    by_name = {name.casefold(): name for name in tools}
    name = by_name.get(action.name.casefold()) if action is not None else None
    if action is None or name is None:
        return await _invalid(run, action, written, step, f"There are {', '.join((*tools, 'Finish'))}")
    call = ToolCall(id=f"step_{step}", name=name, arguments=arguments_of(tools[name], action.argument))
    done = await use(run, call, tools, options)
    # On one line, so that nothing a tool says looks like a step of the transcript.
    text = " ".join(unfenced(f"{done.note}{done.text}").split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} [cut]"


async def _invalid(run: Run, action: react_text.Action | None, written: str, step: int, there: str) -> str:
    said = f"Invalid action: {written}. {there}, each with brackets."

    async def told(_key: str) -> Outcome:
        return Outcome(said, fault="unknown_tool")

    name = action.name if action is not None else "invalid"
    arguments = json.dumps({"text": action.argument if action is not None else written}, ensure_ascii=False)
    await run.call(ToolCall(id=f"step_{step}", name=name, arguments=arguments), told)
    return said


def arguments_of(tool: Tool, written: str) -> str:
    """JSON as it stands; other text is the value of the one argument that the tool must have."""
    try:
        if isinstance(json.loads(written), dict):
            return written
    except ValueError:
        pass
    parameters = tool.spec.parameters
    needed = parameters.get("required") or list(parameters.get("properties", {}))
    return json.dumps({needed[0]: written}, ensure_ascii=False) if len(needed) == 1 else written or "{}"


def told_of(run: Run, options: ToolOptions) -> list[str]:
    """The tools as the prompt names them."""
    lines = []
    for name, tool in offered(run, options).items():
        purpose = " ".join(tool.spec.description.split())
        properties = json.dumps(tool.spec.parameters.get("properties", {}), ensure_ascii=False)
        lines.append(f"{name}[arguments]: {purpose} Arguments, as one JSON object: {properties}")
    return lines
