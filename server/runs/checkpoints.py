"""Where LangGraph keeps the steps of runs: one SQLite file, one saver, and the pipelines compiled with it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import aiosqlite
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    from agents.pipeline import Pipeline
    from agents.thread import Graph
    from server.runs.settled_saver import SettledSaver, Settling

FILE = "checkpoints.sqlite3"
NO_ENDS = ("__interrupt__", "__resume__", "__error__", "__scheduled__")
"""Channels to which LangGraph notes that a step stopped, was answered, failed or waits: it is not done."""
COLUMNS = {
    "checkpoints": "checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata",
    "writes": "checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value",
}
"""The saver's tables (langgraph-checkpoint-sqlite 3.1), but for the thread they belong to. It has no way of its own yet
to copy a thread or to delete a part of one."""


class Checkpoints:
    """Opened on first use: LangGraph takes half a second to import, and a start need not wait for it."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE
        self._lock = asyncio.Lock()
        self._connection: aiosqlite.Connection | None = None
        self._saver: AsyncSqliteSaver | None = None
        self._graphs: dict[Pipeline, Graph] = {}
        self.settling: Settling = {}
        """What the saver waits for, by run id."""

    async def graph(self, pipeline: Pipeline) -> Graph:
        """The pipeline's graph, whose runs are kept."""
        if pipeline not in self._graphs:
            saver = await self.saver()
            self._graphs[pipeline] = await asyncio.to_thread(
                pipeline.graph.compile, checkpointer=saver, name=pipeline.name
            )
        return self._graphs[pipeline]

    async def saver(self) -> AsyncSqliteSaver:
        async with self._lock:
            if self._saver is None:
                self._saver = await self._open()
            return self._saver

    async def metadata(self, thread_id: str, checkpoint_id: str | None = None) -> dict[str, Any] | None:
        """What the thread's latest checkpoint, or this one, says of itself; None if there is none."""
        found = await self.listed(thread_id, only=checkpoint_id, limit=1)
        return found[0][1] if found else None

    async def listed(
        self, thread_id: str, *, only: str | None = None, before: str | None = None, limit: int = -1
    ) -> list[tuple[str, dict[str, Any]]]:
        """(id, metadata) of the thread's checkpoints, newest first."""
        saver = await self.saver()
        where, values = "thread_id = ? and checkpoint_ns = ''", [thread_id]
        if only is not None:
            where, values = f"{where} and checkpoint_id = ?", [*values, only]
        if before is not None:
            where, values = f"{where} and checkpoint_id < ?", [*values, before]
        query = f"select checkpoint_id, metadata from checkpoints where {where} order by checkpoint_id desc limit ?"
        async with saver.lock, saver.conn.execute(query, (*values, limit)) as rows:
            return [(id, json.loads(metadata)) async for id, metadata in rows]

    async def done(self, thread_id: str) -> set[str]:
        """`task_id` of the steps on the thread, in nested graphs too, whose writes are stored: they never run again."""
        saver = await self.saver()
        query = "select distinct task_id from writes where thread_id = ? and channel not in (?, ?, ?, ?)"
        async with saver.lock, saver.conn.execute(query, (thread_id, *NO_ENDS)) as rows:
            return {task_id async for (task_id,) in rows}

    async def delete(self, thread_id: str) -> None:
        await (await self.saver()).adelete_thread(thread_id)

    async def delete_runs(self, thread_id: str, run_ids: Collection[str]) -> None:
        """Take back what these runs left, so that the thread is where it was before them."""
        gone = [id for id, about in await self.listed(thread_id) if about.get("run_id") in run_ids]
        await self._delete(thread_id, gone)

    async def keep_latest(self, thread_id: str) -> None:
        await self._delete(thread_id, [id for id, _ in (await self.listed(thread_id))[1:]])

    async def copy(self, thread_id: str, to: str) -> None:
        """All checkpoints, with what is not finished at them, onto another thread."""
        saver = await self.saver()
        async with saver.lock:
            for table, columns in COLUMNS.items():
                query = (
                    f"insert into {table} (thread_id, {columns}) select ?, {columns} from {table} where thread_id = ?"
                )
                await saver.conn.execute(query, (to, thread_id))
            await saver.conn.commit()

    async def _delete(self, thread_id: str, ids: Sequence[str]) -> None:
        saver = await self.saver()
        async with saver.lock:
            for table in COLUMNS:
                query = f"delete from {table} where thread_id = ? and checkpoint_ns = '' and checkpoint_id = ?"
                await saver.conn.executemany(query, [(thread_id, id) for id in ids])
            await saver.conn.commit()

    async def aclose(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _open(self) -> AsyncSqliteSaver:
        import aiosqlite

        connection = await aiosqlite.connect(self._path)
        try:
            saver = await _prepared(connection, self.settling)
        except BaseException:
            # A disk that is full, a database that is locked: it is tried again with the next run.
            await connection.close()
            raise
        self._connection = connection
        return saver


async def _prepared(connection: aiosqlite.Connection, settling: Settling) -> AsyncSqliteSaver:
    make = await asyncio.to_thread(_saver_class)
    # NORMAL in WAL mode keeps every commit through kill -9, at an eighth of the time of FULL for a step.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000"):
        await connection.execute(f"PRAGMA {pragma}")
    saver = make(connection, settling)
    await saver.setup()
    return saver


def _saver_class() -> type[SettledSaver]:
    from server.runs.settled_saver import SettledSaver

    return SettledSaver
