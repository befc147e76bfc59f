"""Rows of many runs in one transaction.

A commit of its own for each checkpoint costs three hops to the connection's thread and back, and the runs queue up for
them: with 64 that end together the last one waited 90 ms.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiosqlite

Rows = Sequence[tuple[Any, ...]]


class GroupCommit:
    """`lock`: held while the connection is used."""

    def __init__(self, connection: aiosqlite.Connection, lock: asyncio.Lock) -> None:
        self._connection = connection
        self._lock = lock
        self._waiting: list[tuple[str, Rows, asyncio.Future[None]]] = []
        self._committing: asyncio.Task[None] | None = None

    async def store(self, query: str, rows: Rows) -> None:
        """Returns when the rows are committed, with what came at the same time. Raises what SQLite raises."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((query, rows, done))
        if self._committing is None or self._committing.done():
            self._committing = asyncio.create_task(self._commit(), name="checkpoints")
        await done

    async def _commit(self) -> None:
        while self._waiting:
            async with self._lock:
                taken, self._waiting = self._waiting, []
                error = await self._transaction(taken)
            for _, _, done in taken:
                if not done.done():
                    done.set_result(None) if error is None else done.set_exception(error)

    async def _transaction(self, taken: Sequence[tuple[str, Rows, asyncio.Future[None]]]) -> Exception | None:
        by_query: dict[str, list[tuple[Any, ...]]] = {}
        for query, rows, _ in taken:
            by_query.setdefault(query, []).extend(rows)
        try:
            for query, rows_of_all in by_query.items():
                await self._connection.executemany(query, rows_of_all)
            await self._connection.commit()
        except Exception as error:
            await self._connection.rollback()
            return error
        return None
