"""LangGraph's saver, held back until the trace has what it is about to store.

A step counts as done when its writes are stored, and then never runs again: whatever it said must be in the trace by
then, or nobody will ever read it. And a checkpoint is stored after the writes that led to it, so that the writes tell
which steps are done. Imports LangGraph: to be imported on use.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.base import WRITES_IDX_MAP, get_checkpoint_metadata
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from server.runs.group_commit import GroupCommit

if TYPE_CHECKING:
    import aiosqlite
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata

Settling = dict[str, Callable[[str], Awaitable[None]]]
"""By run id: waits until the trace has all that was said so far, and the end of the step that is named."""


CHECKPOINT = (
    "insert or replace into checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, "
    "checkpoint, metadata) values (?, ?, ?, ?, ?, ?, ?)"
)
WRITES = (
    "insert or ignore into writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, "
    "value) values (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
SPECIAL_WRITES = WRITES.replace("or ignore", "or replace")
"""As AsyncSqliteSaver of langgraph-checkpoint-sqlite 3.1 writes them; notes of a stop or an answer may change."""


class SettledSaver(AsyncSqliteSaver):
    def __init__(self, connection: aiosqlite.Connection, settling: Settling) -> None:
        super().__init__(connection)
        self._commits = GroupCommit(connection, self.lock)
        self._settling = settling
        self._writing: defaultdict[str, set[asyncio.Future[None]]] = defaultdict(set)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        run_id = _run_id(config)
        if writing := self._writing.get(run_id):
            await asyncio.wait(writing)
        await self._settle(run_id, "")
        place = config["configurable"]
        thread_id, namespace = str(place["thread_id"]), place["checkpoint_ns"]
        about = json.dumps(get_checkpoint_metadata(config, metadata), ensure_ascii=False).encode("utf-8", "ignore")
        stored = self.serde.dumps_typed(checkpoint)
        row = (thread_id, namespace, checkpoint["id"], place.get("checkpoint_id"), *stored, about)
        await self._commits.store(CHECKPOINT, [row])
        found = {"thread_id": thread_id, "checkpoint_ns": namespace, "checkpoint_id": checkpoint["id"]}
        return {"configurable": found}

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        run_id = _run_id(config)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writing[run_id].add(done)
        try:
            ends = any(channel not in WRITES_IDX_MAP for channel, _ in writes)
            await self._settle(run_id, task_id if ends else "")
            place = config["configurable"]
            key = (
                str(place["thread_id"]),
                str(place["checkpoint_ns"]),
                str(place["checkpoint_id"]),
                task_id,
                task_path,
            )
            rows = [
                (*key, WRITES_IDX_MAP.get(channel, number), channel, *self.serde.dumps_typed(value))
                for number, (channel, value) in enumerate(writes)
            ]
            await self._commits.store(WRITES if ends else SPECIAL_WRITES, rows)
        finally:
            done.set_result(None)
            self._writing[run_id].discard(done)
            if not self._writing[run_id]:
                del self._writing[run_id]

    async def _settle(self, run_id: str, task_id: str) -> None:
        settle = self._settling.get(run_id)
        if settle is not None:
            await settle(task_id)


def _run_id(config: RunnableConfig) -> str:
    return str(config.get("metadata", {}).get("run_id", ""))
