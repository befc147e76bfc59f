"""Where LangGraph keeps the steps of runs: one SQLite file, one saver, and the pipelines compiled with it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import aiosqlite
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    from agents.pipeline import Pipeline
    from agents.thread import Graph

FILE = "checkpoints.sqlite3"


class Checkpoints:
    """Opened on first use: LangGraph takes half a second to import, and a start need not wait for it."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE
        self._lock = asyncio.Lock()
        self._connection: aiosqlite.Connection | None = None
        self._saver: AsyncSqliteSaver | None = None
        self._graphs: dict[str, Graph] = {}

    async def graph(self, pipeline: Pipeline) -> Graph:
        """The pipeline's graph, whose runs are kept."""
        if pipeline.name not in self._graphs:
            saver = await self.saver()
            self._graphs[pipeline.name] = await asyncio.to_thread(
                pipeline.graph.compile, checkpointer=saver, name=pipeline.name
            )
        return self._graphs[pipeline.name]

    async def saver(self) -> AsyncSqliteSaver:
        async with self._lock:
            if self._saver is None:
                self._saver = await self._open()
            return self._saver

    async def aclose(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def _open(self) -> AsyncSqliteSaver:
        import aiosqlite

        connection = await aiosqlite.connect(self._path)
        try:
            saver = await _prepared(connection)
        except BaseException:
            # A disk that is full, a database that is locked: it is tried again with the next run.
            await connection.close()
            raise
        self._connection = connection
        return saver


async def _prepared(connection: aiosqlite.Connection) -> AsyncSqliteSaver:
    make = await asyncio.to_thread(_saver_class)
    # NORMAL in WAL mode keeps every commit through kill -9, at an eighth of the time of FULL for a step.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000"):
        await connection.execute(f"PRAGMA {pragma}")
    saver = make(connection)
    await saver.setup()
    return saver


def _saver_class() -> type[AsyncSqliteSaver]:
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    return AsyncSqliteSaver
