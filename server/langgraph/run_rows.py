"""Runs as LangGraph's clients see them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from server.errors import ApiError
from server.langgraph.known_assistants import id_of
from server.langgraph.route import timestamp
from server.storage import runs

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from server.services import Services

STATUS = {
    "queued": "pending",
    "running": "running",
    "success": "success",
    "error": "error",
    "limited": "success",
    "cancelled": "interrupted",
    "waiting": "success",
    "answered": "success",
    "interrupted": "error",
}
"""Ours to LangGraph's. A run that waits for a person has ended well: its thread is `interrupted`. So has one that
reached a limit, with what it had by then; but if that limit is of seconds, it is `timeout`."""


def statuses(wanted: str) -> list[str]:
    """Ours that may be shown as LangGraph's `wanted`."""
    return [ours for ours, theirs in STATUS.items() if theirs == wanted] + (["limited"] if wanted == "timeout" else [])


def shown(db: Connection, row: Row[Any]) -> dict[str, Any]:
    request = row.order.get("request", {})
    graph = {"graph_id": row.pipeline, "assistant_id": request.get("assistant_id") or id_of(row.pipeline)}
    limit = _limit(db, row)
    return {
        "run_id": row.id,
        "thread_id": row.thread_id,
        "assistant_id": graph["assistant_id"],
        "created_at": timestamp(row.created_at),
        "updated_at": timestamp(row.finished_at or row.created_at),
        "status": "timeout" if limit == "seconds" else STATUS[row.status],
        "metadata": {**row.metadata, **graph, **({"limit": limit} if limit else {})},
        "kwargs": {key: value for key, value in request.items() if key not in ("assistant_id", "multitask_strategy")},
        "multitask_strategy": request.get("multitask_strategy", "enqueue"),
    }


def _limit(db: Connection, row: Row[Any]) -> str | None:
    if row.status != "limited":
        return None
    last = runs.last_event(db, row.id)
    found: str | None = json.loads(last).get("limit") if last else None
    return found


async def run_of(services: Services, tenant: str, thread_id: str | None, run_id: str) -> Row[Any]:
    """Raises ApiError."""
    wanted = run_id.lower()
    row = await services.database.read(lambda db: runs.get_run(db, tenant, wanted))
    if row is None or thread_id not in (None, row.thread_id):
        place = f" on the thread {thread_id!r}" if thread_id is not None else ""
        raise ApiError(404, f"No run with id {run_id!r}{place}.", param="run_id", code="run_not_found")
    return row


async def listed(
    services: Services, tenant: str, thread_id: str, status: str | None, limit: int, offset: int
) -> list[dict[str, Any]]:
    """Newest first."""
    wanted = statuses(status) if status else None

    def read(db: Connection) -> list[dict[str, Any]]:
        if status in ("success", "timeout"):
            # Which of the two a limited run is, only its last event says.
            every = runs.thread_runs(db, tenant, thread_id, wanted, -1, 0)
            return [one for row in every if (one := shown(db, row))["status"] == status][offset : offset + limit]
        return [shown(db, row) for row in runs.thread_runs(db, tenant, thread_id, wanted, limit, offset)]

    return await services.database.read(read)


def headers_of(row_or_order: Any, kind: str = "") -> dict[str, str]:
    """By which clients learn the run's ids, and where to go on when their connection breaks."""
    run_id = getattr(row_or_order, "run_id", None) or row_or_order.id
    place = f"/threads/{row_or_order.thread_id}/runs/{run_id}"
    return {"content-location": place, **({"location": f"{place}/{kind}"} if kind else {})}


def select_fields(one: dict[str, Any], names: Sequence[str] | None) -> dict[str, Any]:
    """Raises ApiError for a name that no run has."""
    for name in names or ():
        if name not in one and name != "cancel_reason":
            message = f"Invalid value for 'select': {name[:50]!r}; the fields are {', '.join(one)}."
            raise ApiError(422, message, param="select", code="invalid_value")
    return {name: one.get(name) for name in names} if names else one
