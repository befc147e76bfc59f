"""One SQL database, reached from async code without ever blocking the event loop.

SQLite has one writer at a time, so writes queue on one thread of ours instead of failing with "database is locked";
reads run beside them (WAL). synchronous=NORMAL keeps every commit through kill -9; only a power cut may lose the last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

T = TypeVar("T")
READERS = 4
LOCKED_SECONDS = 10
"""How long a statement waits while another process has the database locked, before it fails by name."""


def sqlite_engine(path: Path) -> Engine:
    from sqlalchemy import URL, create_engine, event

    engine = create_engine(
        URL.create("sqlite", database=str(path)),  # not from text: a path may hold `?` and `#`
        connect_args={"isolation_level": None, "timeout": LOCKED_SECONDS},
        pool_size=READERS + 1,
        hide_parameters=True,  # an error in the log must not show what users wrote
        max_overflow=16,  # threads that search read what they found by themselves
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "foreign_keys=ON",
            f"busy_timeout={LOCKED_SECONDS * 1000}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE takes the write lock at once: upgrading a read transaction later fails when another wrote meanwhile.
        writing = connection.get_execution_options().get("writing", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


class Database:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="db-read")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="db-write")

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Run `query` in a read transaction of its own, on a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._run, query, False)

    def rows_here(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """The rows of one SELECT in SQLite's words, on the calling thread, which must not be the event loop's. For what
        every search asks: a third of the time of `read`'s query on that thread. One statement sees one state of the
        database, so it needs no transaction of its own."""
        connection = self.engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(statement, values)
            return list(cursor.fetchall())
        finally:
            connection.close()

    def write_here(self, change: Callable[[Connection], T]) -> T:
        """As `write`, on the calling thread, which must not be the event loop's."""
        return self._run(change, True)

    async def write(self, change: Callable[[Connection], T]) -> T:
        """Run `change` in a transaction: all of it is committed when this returns, or none of it."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, self._run, change, True)

    def _run(self, work: Callable[[Connection], T], writing: bool) -> T:
        with (
            self.engine.connect().execution_options(writing=writing) as connection,
            connection.begin(),
        ):
            return work(connection)

    def close(self) -> None:
        """Wait for what is under way, then close all connections."""
        self._readers.shutdown()
        self._writer.shutdown()
        self.engine.dispose()
