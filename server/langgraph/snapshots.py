"""The states that a thread went through, read with the pipelines that left them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from agents import catalog
from agents.thread import config_of
from server.errors import ApiError
from server.langgraph.message_ids import Named, Names, names_of
from server.resolve import pipeline_of
from server.storage.tables import run

if TYPE_CHECKING:
    from langgraph.types import StateSnapshot

    from agents.pipeline import Pipeline
    from server.services import Services

TRIES, PAUSE = 100, 0.02
"""A checkpoint is told of a little before it can be read; the pause is in seconds."""


@dataclass(frozen=True)
class Snapshot:
    pipeline: Pipeline
    state: StateSnapshot
    names: Names

    def messages(self) -> list[Named]:
        """All of them, the question that is being answered included."""
        return self.names.all(self.state.values, self.metadata.get("run_id", ""))

    @property
    def metadata(self) -> Mapping[str, Any]:
        return self.state.metadata or {}

    @property
    def exists(self) -> bool:
        return self.state.created_at is not None

    @property
    def checkpoint_id(self) -> str | None:
        found: str | None = self.state.config["configurable"].get("checkpoint_id")
        return found


async def snapshot(
    services: Services,
    thread_id: str,
    checkpoint_id: str | None = None,
    *,
    pipeline: str | None = None,
    subgraphs: bool = False,
    names: Names | None = None,
) -> Snapshot:
    """The thread's latest state, or that of a checkpoint. `pipeline`: for a thread that has none yet; `names`: those
    of the thread, if they are known. Raises ApiError if there is no such checkpoint."""
    about = await services.checkpoints.metadata(thread_id, checkpoint_id)
    if about is None and checkpoint_id is not None:
        message = f"The thread {thread_id!r} has no checkpoint {checkpoint_id!r}."
        raise ApiError(404, message, param="checkpoint_id", code="checkpoint_not_found")
    name = (about or {}).get("graph_id") or pipeline or await _last_pipeline(services, thread_id)
    found = await pipeline_of(name if name in catalog.PIPELINES else "chat")
    graph = await services.checkpoints.graph(found)
    state = await graph.aget_state(config_of(thread_id, checkpoint_id), subgraphs=subgraphs)
    return Snapshot(found, state, names or await names_of(services, thread_id))


async def soon(services: Services, thread_id: str, checkpoint_id: str) -> Snapshot | None:
    """The state of a checkpoint that a run has just told of; None if it was taken away since."""
    for _ in range(TRIES):
        if await services.checkpoints.metadata(thread_id, checkpoint_id) is not None:
            return await snapshot(services, thread_id, checkpoint_id)
        await asyncio.sleep(PAUSE)
    return None


async def _last_pipeline(services: Services, thread_id: str) -> str:
    """That of the thread's last run: a checkpoint may be older than the note of its pipeline."""
    query = select(run.c.pipeline).where(run.c.thread_id == thread_id)
    last = query.order_by(run.c.created_at.desc()).limit(1)
    found: str | None = await services.database.read(lambda db: db.execute(last).scalar_one_or_none())
    return found or "chat"
