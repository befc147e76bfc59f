"""Python in a sandbox, as a tool."""

from __future__ import annotations

import asyncio
from typing import Annotated

from pydantic import Field

from tools.base import Context, Result, tool
from tools.errors import ToolError
from tools.sandbox.base import Cell, File, Ran
from tools.sandbox.errors import BadCell, SandboxBusy, SandboxUnavailable

LONGEST_CODE = 100_000
MOST_READ = 50 << 20
"""Bytes of a file that code is given."""


@tool(seconds=660, needs_sandbox=True, max_chars=20_000)
async def python(
    code: Annotated[
        str,
        Field(
            min_length=1,
            max_length=LONGEST_CODE,
            description="The code. What it prints, and the value of its last expression, come back.",
        ),
    ],
    context: Context,
    files: Annotated[
        list[str],
        Field(
            max_length=20,
            description="Names or ids of the user's files, to be put into the work folder.",
        ),
    ] = [],  # noqa: B006
) -> Result:
    """Run Python code in a sandbox, with numpy, pandas and matplotlib.

    Variables and files stay for the next call of the conversation. The code has no network, cannot install packages or
    start programs, and may write only into the current folder; it is stopped after a time limit. Files that it writes
    there, and figures left open, are given to the user: save a chart under a telling name, with `savefig`, and say
    that it is there instead of printing its data.
    """
    if context.sandbox is None:
        raise ToolError(f"code cannot be run here: {context.no_sandbox}")
    given = [await _file(file_id, context) for file_id in dict.fromkeys(files)]
    cell = Cell(code=code, session=context.session, files=tuple(given))
    try:
        ran = await context.sandbox.run(cell)
    except SandboxUnavailable as error:
        raise ToolError(f"code cannot be run here: {error.reason}") from error
    except (SandboxBusy, BadCell) as error:
        raise ToolError(str(error)) from error
    kept = [await context.files.keep(file.name, file.data) for file in ran.files] if context.files else []
    lines = [f"[file {one.filename} ({one.file_id}, {one.bytes:,} bytes) was given to the user]" for one in kept]
    if not context.files:
        lines = [f"[file {file.name} ({len(file.data):,} bytes)]" for file in ran.files]
    return Result(_text(ran, lines), artifacts=tuple(kept))


async def _file(name: str, context: Context) -> File:
    if context.files is None:
        raise ToolError("there are no files of the user here: leave 'files' out")
    entry = await context.files.find(name)
    if entry.bytes > MOST_READ:
        raise ToolError(f"the file {entry.filename!r} has {entry.bytes:,} bytes; code is given at most {MOST_READ:,}")
    try:
        return File(entry.filename, await asyncio.to_thread(entry.path.read_bytes))
    except FileNotFoundError:
        raise ToolError(f"the file {name!r} was just deleted") from None


def _text(ran: Ran, files: list[str]) -> str:
    notes = [f"[{note}]" for note in ran.notes]
    parts = [ran.output.rstrip("\n"), ran.value, ran.error.rstrip("\n"), *files, *notes]
    return "\n".join(part for part in parts if part) or "[it printed nothing]"
