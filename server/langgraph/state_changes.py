"""Changes of a thread's state by hand: a new checkpoint, as if a step had written it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from agents.thread import config_of
from server.errors import ApiError
from server.langgraph.messages import invalid
from server.langgraph.run_start import read_changes
from server.langgraph.snapshots import Snapshot, snapshot
from server.langgraph.thread_schema import Update
from server.storage import threads

if TYPE_CHECKING:
    from sqlalchemy import Row

    from server.services import Services


async def change_state(
    services: Services, thread: Row[Any], updates: Sequence[Update], *, where: str, checkpoint_id: str | None = None
) -> Any:
    """Apply the updates as one step, at a checkpoint or at the thread's end; returns where the new checkpoint is.
    Raises ApiError."""
    from langgraph.errors import InvalidUpdateError
    from langgraph.types import StateUpdate

    if not updates:
        raise invalid(where, "is empty: give at least one change, or leave it out")
    if services.turns.taken(thread.id):
        message = f"The thread {thread.id!r} is busy: wait for its run, or cancel it."
        raise ApiError(409, message, param="thread_id", code="thread_busy")
    base = await snapshot(services, thread.id, checkpoint_id, pipeline=thread.metadata.get("graph_id"))
    graph = await services.checkpoints.graph(base.pipeline)
    changes = [
        _change(update, base, where if len(updates) == 1 else f"{where}[{n}]") for n, update in enumerate(updates)
    ]
    config = config_of(thread.id, checkpoint_id)
    config["metadata"] = _about(base)
    try:
        made = await graph.abulk_update_state(config, [[StateUpdate(*change) for change in changes]])
    except InvalidUpdateError as error:
        name = "as_node" if "as_node" in str(error) or "Ambiguous" in str(error) else where
        message = f"The state cannot be changed so: {error}. The steps are {', '.join(base.pipeline.graph.nodes)}."
        raise ApiError(422, message, param=name, code="invalid_update") from None
    await services.database.write(lambda db: threads.touch(db, thread.tenant, thread.id))
    return made


def _change(update: Update, base: Snapshot, where: str) -> tuple[dict[str, Any] | None, str | None]:
    if update.command is not None:
        raise invalid(where, "has a command, which is not taken here: send 'values'")
    nodes = tuple(base.pipeline.graph.nodes)
    if update.as_node is not None and update.as_node not in (*nodes, "__start__", "__end__", "__input__", "__copy__"):
        raise invalid("as_node", f"is {update.as_node[:100]!r}; the steps are {', '.join(nodes)}")
    if update.values is None:
        return None, update.as_node
    return read_changes(update.values, where, base.pipeline, base), update.as_node


def _about(base: Snapshot) -> dict[str, Any]:
    """What the new checkpoint says of itself: it belongs to the turn that it changes."""
    about = {"graph_id": base.pipeline.name}
    return about | ({"run_id": base.metadata["run_id"]} if base.metadata.get("run_id") else {})
