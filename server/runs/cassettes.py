"""A run's cassette, from its row and its events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents.events import EVENT, TERMINAL
from server.errors import ApiError, not_found
from server.runs.pasts import MOST_EVENTS
from server.storage import runs

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from agents.cassette import Cassette, Recording
    from server.services import Services


async def cassette_of(services: Services, tenant: str, run_id: str) -> Cassette:
    """Raises ApiError for a run that is not there, or not over."""
    return await services.database.read(lambda db: _cassette(db, tenant, run_id))


def _cassette(db: Connection, tenant: str, run_id: str) -> Cassette:
    from agents.cassette import Cassette

    chain: list[Recording] = []
    wanted: str | None = run_id
    while wanted is not None:
        row = runs.get_run(db, tenant, wanted)
        if row is None:
            raise not_found("run", wanted, "run_id")
        chain.insert(0, _recording(db, row))
        wanted = row.order.get("resumes")
    return Cassette(before=tuple(chain[:-1]), run=chain[-1])


def _recording(db: Connection, row: Row[Any]) -> Recording:
    from agents.cassette import Recording

    events = runs.read_events(db, row.id, 0, MOST_EVENTS)
    if row.status in runs.UNDER_WAY or not events or events[-1][1] not in TERMINAL:
        message = f"The run {row.id} is {row.status!r}: a cassette is made of a run that is over."
        raise ApiError(409, message, param="run_id", code="run_not_over")
    start = {name: value for name, value in row.order.get("start", {}).items() if value}
    return Recording.model_validate(
        {
            "run_id": row.id,
            "thread_id": row.thread_id,
            "pipeline": row.pipeline,
            "generation": row.generation_id,
            "durable": row.durable,
            "input": row.input,
            "options": row.order.get("options", {}),
            "sampling": row.order.get("sampling", {}),
            "limits": row.order.get("limits", {}),
            "start": start,
            "origin": row.order.get("origin"),
            "events": [EVENT.validate_json(data) for _, _, data in events],
        }
    )
