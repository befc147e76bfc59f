"""What a query may do: read the tables that were opened, for so long. All else is refused before it begins."""

from __future__ import annotations

import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tools.sql_database import Database

READS = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE)
LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 1_000_000,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 20_000,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 50,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 500,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
PRAGMAS = (("data_version", True), ("table_info", False))
"""With their value or without: a number that full-text search asks for, and the columns of a table."""
_FUNCTIONS = """
abs acos acosh asin asinh atan atan2 atanh avg ceil ceiling char coalesce concat concat_ws cos cosh count
cume_dist current_date current_time current_timestamp date datetime degrees dense_rank exp first_value floor
format glob group_concat hex ifnull iif instr json json_array json_array_length json_extract json_group_array
json_group_object json_insert json_object json_patch json_quote json_remove json_replace json_set json_type
json_valid julianday lag last_value lead length like likely ln log log10 log2 lower ltrim max min mod nth_value
ntile nullif octet_length percent_rank pi pow power printf quote radians random rank replace round row_number
rtrim sign sin sinh sqrt strftime string_agg substr substring sum tan tanh time timediff total trim trunc typeof
unicode unixepoch unlikely upper -> ->> match bm25 snippet highlight
"""
FUNCTIONS = frozenset(_FUNCTIONS.split())
"""None of them reaches out of the query, or makes much of little."""
MASTERS = ("sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema")
STEPS = 10_000
"""Of SQLite's machine between two looks at the clock: some tens of microseconds."""


def shut() -> None:
    """No more files are written or opened, whatever happens in the library."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))


@dataclass
class Clock:
    end: float

    @classmethod
    def of(cls, seconds: float) -> Clock:
        return cls(time.monotonic() + seconds)

    def over(self) -> bool:
        return time.monotonic() > self.end

    @contextmanager
    def at_most(self, seconds: float) -> Iterator[None]:
        """Within this, the end is so near."""
        before, self.end = self.end, min(self.end, time.monotonic() + seconds)
        try:
            yield
        finally:
            self.end = before


def guard(database: Database, seconds: float) -> Clock:
    """Set the limits, the clock among them, which runs from now on."""
    connection, known, clock = database.connection, database.names(), Clock.of(seconds)
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA cell_size_check = ON")
    for limit, value in LIMITS.items():
        connection.setlimit(limit, value)
    database.refused = []

    def may(action: int, first: str | None, second: str | None, _schema: str | None, _inner: str | None) -> int:
        if action == sqlite3.SQLITE_PRAGMA and (first, second is None) in PRAGMAS:
            return sqlite3.SQLITE_OK
        if action not in READS:
            database.refused.append("only SELECT is possible here: the tables can be read, and not changed")
        elif action == sqlite3.SQLITE_FUNCTION and (second or "").lower() not in FUNCTIONS:
            database.refused.append(f"the function {second} is not to be used here")
        elif action == sqlite3.SQLITE_READ and not _may_read((first or "").lower(), second, known):
            database.refused.append(f"{first} is none of the tables")
        else:
            return sqlite3.SQLITE_OK
        return sqlite3.SQLITE_DENY

    connection.set_authorizer(may)
    connection.set_progress_handler(lambda: int(clock.over()), STEPS)
    return clock


def _may_read(table: str, column: str | None, known: frozenset[str]) -> bool:
    """A name without a column may be one that the query itself has given; SQLite's own tables of state are none."""
    if table in known or table in MASTERS:
        return True
    return not column and not table.startswith(("sqlite_", "pragma_", "dbstat", "fts"))
