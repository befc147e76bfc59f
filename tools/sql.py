"""Questions in SQL over uploaded tables: CSV, Excel and SQLite files, read only.

Each call has a process of its own (`tools.sql_worker`), in which SQLite sees the files named and nothing else. It ends
with the call, and with it whatever a hostile file or query could do.
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field

from tools.base import Context, tool
from tools.errors import ToolError

if TYPE_CHECKING:
    from tools.desk import FileEntry

KINDS: Final = (".csv", ".tsv", ".xlsx", ".xlsm", ".sqlite", ".sqlite3", ".db")
MOST_FILES: Final = 8
MOST_LISTED: Final = 100
LARGEST: Final = 1 << 20
"""Bytes of an answer of the worker."""
QUERY_SECONDS: Final = 15.0
MEMORY_MB: Final = 1024
ROOT: Final = Path(__file__).resolve().parent.parent


@tool(read_only=True, seconds=60, max_chars=20_000)
async def sql(
    context: Context,
    files: Annotated[
        list[str],
        Field(max_length=MOST_FILES, description="Names or ids of uploaded files; empty: lists them."),
    ] = [],  # noqa: B006 (a default that JSON can say)
    query: Annotated[
        str,
        Field(max_length=20_000, description="One SELECT in SQLite's dialect; empty: describes the tables."),
    ] = "",
) -> str:
    """Query the user's tables (CSV, Excel, SQLite files) with SQL. Reads only: nothing can be changed.

    Without files it lists them; with files and no query it describes their tables and columns, which is the way to
    begin. Write names with blanks, or that are no plain words, in double quotes. There are SQLite's functions:
    strftime('%Y', day) for the year of a date, || to join texts, CAST(x AS REAL) for division.
    """
    if context.files is None:
        raise ToolError("there are no uploaded files here")
    if not files:
        if query.strip():
            raise ToolError("name the 'files' that the query is about; call without arguments to see which there are")
        return _listed(await context.files.all())
    entries = [await context.files.find(name) for name in files]
    return await _asked(list({entry.id: entry for entry in entries}.values()), query)


def _listed(entries: list[FileEntry]) -> str:
    fitting = [entry for entry in entries if PurePosixPath(entry.filename).suffix.lower() in KINDS]
    if not fitting:
        return f"There are no uploaded tables ({', '.join(KINDS)})."
    lines = [f"{entry.filename} ({entry.id}, {entry.bytes:,} bytes)" for entry in fitting[:MOST_LISTED]]
    more = [f"and {len(fitting) - MOST_LISTED} older ones"] if len(fitting) > MOST_LISTED else []
    return "\n".join(("Uploaded tables, newest first:", *lines, *more))


async def _asked(entries: list[FileEntry], query: str) -> str:
    for entry in entries:
        if PurePosixPath(entry.filename).suffix.lower() not in KINDS:
            raise ToolError(f"{entry.filename!r} is no table; queries go to {', '.join(KINDS)}")
    request = {
        "files": [{"path": str(entry.path.absolute()), "filename": entry.filename} for entry in entries],
        "query": query.strip(),
        "seconds": QUERY_SECONDS,
        "memory_mb": MEMORY_MB,
    }
    answer = await _worker(json.dumps(request).encode())
    if "error" in answer:
        raise ToolError(str(answer["error"]))
    return str(answer["text"])


async def _worker(request: bytes) -> dict[str, Any]:
    """With an empty environment, and without the files of this process."""
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tools.sql_worker", stdin=PIPE, stdout=PIPE, stderr=DEVNULL, cwd=ROOT,
        env={"PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}, start_new_session=True,
    )  # fmt: skip
    assert worker.stdin is not None
    assert worker.stdout is not None
    try:
        with suppress(BrokenPipeError, ConnectionResetError):
            worker.stdin.write(request)
            worker.stdin.write_eof()
            await worker.stdin.drain()
        reply = await worker.stdout.read(LARGEST + 1)
        while (more := await worker.stdout.read(LARGEST)) and len(reply) <= LARGEST:
            reply += more
    finally:
        with suppress(ProcessLookupError):
            worker.kill()
        await asyncio.shield(worker.wait())
    try:
        found: dict[str, Any] = json.loads(reply)
    except ValueError:
        raise ToolError(
            f"the query was stopped: it needs more than {MEMORY_MB} MB of memory or too long, or a file is damaged; "
            "ask for less, with WHERE, LIMIT and without joining everything with everything"
        ) from None
    return found
