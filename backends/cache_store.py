"""Replies on disk: one SQLite file of bounded size, from which the longest unused go first.

It is a cache: a file that is damaged, or of another form, is begun anew.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backends.cache import StoreFailed

FORM = 1
TABLES = """
CREATE TABLE reply (key TEXT PRIMARY KEY, value BLOB NOT NULL, used INTEGER NOT NULL);
CREATE INDEX reply_used ON reply (used);
"""
LARGEST_SHARE = 8
"""A reply larger than this part of the whole would push out too many others."""
ROW_BYTES = 160
"""About what a row takes beside its value: the key twice, the index, headers."""


class SQLiteStore:
    """Opened at the first use; blocking work is done in threads, one at a time."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        """`max_bytes`: of the replies together; the file is a little larger."""
        self._path = path
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._damaged = False
        self._bytes = 0
        self._clock = 0

    async def get(self, key: str) -> bytes | None:
        return await asyncio.to_thread(self._get, key)

    async def put(self, key: str, value: bytes) -> None:
        await asyncio.to_thread(self._put, key, value)

    async def aclose(self) -> None:
        await asyncio.to_thread(self._close)

    def _get(self, key: str) -> bytes | None:
        with self._opened() as db:
            row = db.execute("SELECT value FROM reply WHERE key = ?", (key,)).fetchone()
            if row is not None:
                db.execute("UPDATE reply SET used = ? WHERE key = ?", (self._tick(), key))
            return None if row is None else bytes(row[0])

    def _put(self, key: str, value: bytes) -> None:
        size = len(value) + ROW_BYTES
        if size > self._max_bytes // LARGEST_SHARE:
            return
        with self._opened() as db:
            before = db.execute("SELECT length(value) FROM reply WHERE key = ?", (key,)).fetchone()
            db.execute("INSERT OR REPLACE INTO reply VALUES (?, ?, ?)", (key, value, self._tick()))
            self._bytes += size - (0 if before is None else before[0] + ROW_BYTES)
            if self._bytes > self._max_bytes:
                self._drop_oldest(db)

    def _drop_oldest(self, db: sqlite3.Connection) -> None:
        """Down to nine tenths, so that it is not done for every reply."""
        for key, size in db.execute("SELECT key, length(value) FROM reply ORDER BY used").fetchall():
            if self._bytes <= self._max_bytes * 9 // 10:
                break
            db.execute("DELETE FROM reply WHERE key = ?", (key,))
            self._bytes -= size + ROW_BYTES

    def _tick(self) -> int:
        self._clock += 1
        return self._clock

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """A transaction. Raises StoreFailed."""
        with self._lock:
            try:
                if self._db is None:
                    self._db = self._open()
                with self._db:
                    yield self._db
            except (sqlite3.Error, OSError) as error:
                self._shut()  # what was counted may be off
                self._damaged = _says_damaged(error)
                raise StoreFailed(f"{self._path}: {error}") from None

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if not self._damaged:
            try:
                return self._connect()
            except sqlite3.Error as error:
                if not _says_damaged(error):
                    raise
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        self._damaged = False
        return self._connect()

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, check_same_thread=False, timeout=5.0)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            if db.execute("PRAGMA user_version").fetchone()[0] != FORM:
                db.executescript(f"DROP TABLE IF EXISTS reply; {TABLES} PRAGMA user_version = {FORM};")
            count, self._bytes, self._clock = db.execute(
                "SELECT count(*), coalesce(sum(length(value)), 0), coalesce(max(used), 0) FROM reply"
            ).fetchone()
            self._bytes += count * ROW_BYTES
        except BaseException:
            db.close()
            raise
        return db

    def _close(self) -> None:
        with self._lock:
            self._shut()

    def _shut(self) -> None:
        db, self._db = self._db, None
        if db is not None:
            db.close()


def _says_damaged(error: Exception) -> bool:
    """Operational errors are another thing: locked, no space, no permission; the file itself may be well."""
    return isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
