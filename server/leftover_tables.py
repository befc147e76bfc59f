"""Tables of the external engine that belong to no generation: a deletion, a failed build or a kill left them behind.

They are dropped as soon as that can be done, which may be after a restart, or when the engine is back.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from pathlib import Path

from retrieval import generations
from retrieval.database import Database
from retrieval.errors import IndexUnavailable
from retrieval.indexes.postgres import Postgres

log = logging.getLogger(__name__)

AGAIN_SECONDS = 30.0
"""Between two tries to reach an engine that is away."""


class LeftoverTables:
    def __init__(self, database: Database, postgres: Postgres) -> None:
        self._database = database
        self.postgres = postgres
        self._wanted = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._wanted.set()
        if self.postgres.has_address:
            self._worker = asyncio.create_task(self._work(), name="leftover tables")

    def soon(self) -> None:
        """A generation may be gone: look again."""
        self._wanted.set()

    async def stop(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._sweep()
            except IndexUnavailable as error:
                log.warning("tables of deleted generations may be left over: %s", error)
                self._wanted.set()
                await asyncio.sleep(AGAIN_SECONDS)

    async def _sweep(self) -> None:
        # In this order: a generation is in the database before it has a table.
        found = await asyncio.to_thread(self.postgres.tables)
        known = {generation for _, generation in await self._database.read(generations.all_ids)}
        for name in found:
            if name not in known:
                await asyncio.to_thread(self.postgres.drop, name)


def schema_of(data_dir: Path) -> str:
    """Where the tables of this data directory lie; made up when it is first asked for. Blocks."""
    path = data_dir / "pgvector-schema"
    if not path.exists():
        new = path.with_suffix(".tmp")
        new.write_text(f"sandtable_{secrets.token_hex(8)}", encoding="utf-8")
        os.replace(new, path)
    return path.read_text(encoding="utf-8").strip()
