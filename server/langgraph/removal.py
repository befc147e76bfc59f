"""Runs stopped, runs and threads taken away, with all that they left."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from agents.memory.record import Owner
from server.errors import ApiError
from server.langgraph.route import contains
from server.storage import runs, threads

if TYPE_CHECKING:
    from sqlalchemy import Row

    from server.services import Services


async def stop_runs(services: Services, found: Sequence[Row[Any]]) -> None:
    """Cancel runs and wait for their ends. Raises ApiError if one belongs to a request that is still open."""
    for row in found:
        if not row.durable:
            message = f"The run {row.id!r} belongs to the request that it answers: close that."
            raise ApiError(409, message, param="run_id", code="run_in_foreground")
    tasks = [task for row in found if (task := services.runs.cancel(row.id)) is not None]
    await asyncio.gather(*tasks, return_exceptions=True)


async def remove_runs(services: Services, found: Sequence[Row[Any]]) -> None:
    """Take runs back, that are over: their traces, and the states that they brought their threads to."""
    for thread_id in {row.thread_id for row in found}:
        ids = {row.id for row in found if row.thread_id == thread_id}
        await services.checkpoints.delete_runs(thread_id, ids)

    def remove(db: Any) -> None:
        for row in found:
            runs.remove_run(db, row.id)

    await services.database.write(remove)


async def remove_thread(services: Services, tenant: str, thread_id: str) -> None:
    """Raises ApiError."""
    await stop_runs(services, await services.database.read(lambda db: runs.under_way(db, tenant, thread_id)))
    await services.checkpoints.delete(thread_id)
    await services.archive.erase(Owner(tenant, "thread", thread_id))
    await services.database.write(lambda db: threads.remove_thread(db, thread_id))


async def remove_threads_of(services: Services, tenant: str, metadata: Mapping[str, str]) -> None:
    """Those whose metadata says so. Raises ApiError."""

    def find(db: Any) -> list[str]:
        rows = threads.each_thread(db, tenant, texts=metadata, ids=None, wanted=None, by="created_at", descending=True)
        return [row.id for row in rows if contains(row.metadata, metadata)]

    for thread_id in await services.database.read(find):
        await remove_thread(services, tenant, thread_id)
