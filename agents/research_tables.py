"""The tables of a piece of research, and whether anything can be made of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from agents.tool_use import ToolOptions, offered
from retrieval.base import Hit
from tools.sql import KINDS, MOST_FILES

if TYPE_CHECKING:
    from agents.run import Run


class Table(TypedDict):
    id: str
    name: str


def tables_of(ids: Sequence[str] | None, found: Sequence[Hit]) -> list[Table]:
    """Those named, or those that passages were found of, the best first."""
    if ids is not None:
        return [Table(id=id, name=id) for id in dict.fromkeys(ids)]
    names = {hit.file_id: hit.filename for hit in found if PurePath(hit.filename).suffix.lower() in KINDS}
    return [Table(id=id, name=name) for id, name in names.items()][:MOST_FILES]


def missing(run: Run, options: ToolOptions, tool: str, tables: Sequence[Table]) -> str:
    """Why the tool cannot work on them; empty: it can. Raises what `offered` raises."""
    if not tables:
        return "no table was found among the documents; name its file in the option 'tables'"
    if tool in offered(run, options):
        return ""
    if options.tools is not None:
        return f"the option 'tools' leaves out {tool!r}"
    return f"the tool {tool!r} cannot be used here: {run.deps.reach.no_sandbox}"
