"""Every tool by name, and those of the user by their place; a tool's module is imported when it is asked for."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from tools.base import Tool
from tools.errors import BadTool

TOOLS = {
    "calculator": "tools.calculator:calculator",
    "python": "tools.python:python",
    "search": "tools.search:search",
    "wikipedia": "tools.wikipedia:wikipedia",
    "fetch_url": "tools.fetch_url:fetch_url",
    "sql": "tools.sql:sql",
    "calendar": "tools.calendar:calendar",
    "units": "tools.units:units",
    "translate": "tools.translate:translate",
    "qa": "tools.qa:qa",
    "planner": "tools.planner:planner",
}


def get(name: str) -> Tool:
    """Raises BadTool for a name that is not in the catalogue."""
    if name not in TOOLS:
        raise BadTool(f"there is no tool {name!r}; there are {', '.join(TOOLS)}")
    return load(TOOLS[name])


def load(place: str) -> Tool:
    """The tool at `package.module:attribute` or `path/to/file.py:attribute`. Raises BadTool, and whatever running the
    module raises."""
    module, colon, attribute = place.rpartition(":")
    if not (module and colon and attribute):
        raise BadTool(f"{place!r} names no tool: write package.module:attribute or path/to/file.py:attribute")
    try:
        holder = _from_file(Path(module)) if module.endswith(".py") else import_module(module)
        found = getattr(holder, attribute, None)
    except ModuleNotFoundError as error:
        raise BadTool(f"{place!r} names no tool: there is no module {error.name!r}") from None
    except FileNotFoundError:
        raise BadTool(f"{place!r} names no tool: there is no file {module!r}") from None
    if not isinstance(found, Tool):
        raise BadTool(f"{place!r} is not a tool: make one of a function with tools.base.tool")
    return found


def _from_file(path: Path) -> ModuleType:
    """Raises FileNotFoundError, and whatever running the file raises."""
    if not path.is_file():
        raise FileNotFoundError
    name = f"tools_of_{path.stem}"
    if (spec := spec_from_file_location(name, path)) is None or spec.loader is None:
        raise FileNotFoundError
    # Known under its name while it runs: type hints are looked up there.
    module = sys.modules[name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
