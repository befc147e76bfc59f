"""Every tool by name, and those of the user by their place; a tool's module is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module

from tools.base import Tool
from tools.errors import BadTool

TOOLS = {
    "calculator": "tools.calculator:calculator",
    "search": "tools.search:search",
}


def get(name: str) -> Tool:
    """Raises BadTool for a name that is not in the catalogue."""
    if name not in TOOLS:
        raise BadTool(f"there is no tool {name!r}; there are {', '.join(TOOLS)}")
    return load(TOOLS[name])


def load(place: str) -> Tool:
    """The tool at `package.module:attribute`. Raises BadTool, and whatever importing the module raises."""
    module, colon, attribute = place.partition(":")
    if not (module and colon and attribute):
        raise BadTool(f"{place!r} names no tool: write package.module:attribute")
    try:
        found = getattr(import_module(module), attribute, None)
    except ModuleNotFoundError as error:
        raise BadTool(f"{place!r} names no tool: there is no module {error.name!r}") from None
    if not isinstance(found, Tool):
        raise BadTool(f"{place!r} is not a tool: make one of a function with tools.base.tool")
    return found
