"""The process of one question in SQL: a line of JSON in, one out. `python -m tools.sql_worker`

Reads the files, then gives up everything that a query could use beside them, then runs it.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

from retrieval.errors import LoadFailed
from tools.sql_database import Database
from tools.sql_guard import guard, shut
from tools.sql_shown import described, explained, misquoted, told
from tools.sql_tables import attach, load_rows, read_tables


def main() -> None:
    request = json.loads(sys.stdin.buffer.read())
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _die_with_parent()
    _limit_memory(request["memory_mb"])
    try:
        answer = _answer(request)
    except MemoryError:
        os._exit(1)
    replies.write(json.dumps(answer).encode())
    replies.flush()
    os._exit(0)


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    database = Database(sqlite3.connect(":memory:", isolation_level=None))
    try:
        for file in request["files"]:
            _open(database, Path(file["path"]), file["filename"])
    except (LoadFailed, sqlite3.DatabaseError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        return {"error": f"{file['filename']!r} cannot be read as tables: {why}"}
    shut()
    if not request["query"]:
        return {"text": described(database, guard(database, request["seconds"]))}
    if (wrong := misquoted(database, request["query"])) is not None:
        return {"error": wrong}
    clock = guard(database, request["seconds"])
    try:
        return {"text": told(database.connection.execute(request["query"]))}
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as error:
        return {"error": explained(error, database, clock.over)}


def _open(database: Database, path: Path, filename: str) -> None:
    with path.open("rb") as file:
        head = file.read(16)
    if head == b"SQLite format 3\0":
        attach(database, path, filename)
    else:
        for table in read_tables(path, filename):
            load_rows(database, table)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        import ctypes

        parent_death_signal = 1
        ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGKILL)


def _limit_memory(megabytes: int) -> None:
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
