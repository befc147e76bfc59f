"""Rows of training jobs and of what is told of them. Plain functions on a connection."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, select, update

from server.ids import new_id
from server.storage.tables import training_event, training_job

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

UNFINISHED: Final = ("queued", "running")


def create(db: Connection, values: Mapping[str, Any]) -> None:
    db.execute(insert(training_job).values(status="queued", created_at=time.time(), **values))


def get(db: Connection, job_id: str, tenant: str | None = None) -> Row[Any] | None:
    query = select(training_job).where(training_job.c.id == job_id)
    return db.execute(query if tenant is None else query.where(training_job.c.tenant == tenant)).one_or_none()


def succeeded(db: Connection, tenant: str) -> list[Row[Any]]:
    """Those that made a model, oldest first."""
    made = (training_job.c.tenant == tenant, training_job.c.status == "succeeded")
    return list(db.execute(select(training_job).where(*made).order_by(training_job.c.created_at)).all())


def unfinished(db: Connection) -> list[Row[Any]]:
    """What a restart has to go on with, oldest first."""
    query = select(training_job).where(training_job.c.status.in_(UNFINISHED))
    return list(db.execute(query.order_by(training_job.c.created_at)).all())


def statuses(db: Connection) -> dict[str, str]:
    """By the id of the job."""
    return {id: status for id, status in db.execute(select(training_job.c.id, training_job.c.status))}


def begin(db: Connection, job_id: str) -> bool:
    """Count one more start; False if it was cancelled meanwhile."""
    there = training_job.c.id == job_id
    values = {"status": "running", "attempts": training_job.c.attempts + 1}
    changed = update(training_job).where(there, training_job.c.status.in_(UNFINISHED)).values(**values)
    return db.execute(changed).rowcount > 0


def end(db: Connection, job_id: str, status: str, **values: Any) -> bool:
    """False if it had come to its end before."""
    there = update(training_job).where(training_job.c.id == job_id, training_job.c.status.in_(UNFINISHED))
    return db.execute(there.values(status=status, finished_at=time.time(), **values)).rowcount > 0


def tell(
    db: Connection, job_id: str, message: str, *, type: str = "message", level: str = "info",
    data: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    values = {"id": new_id("ftevent-"), "job_id": job_id, "created_at": time.time(), "level": level, "type": type}
    db.execute(insert(training_event).values(**values, message=message, data=dict(data or {})))


def advanced(db: Connection, job_id: str) -> None:
    """It has come to a checkpoint: what ends the process now is another matter than what did before."""
    db.execute(update(training_job).where(training_job.c.id == job_id).values(attempts=1))


def checkpoints(db: Connection, job_id: str) -> dict[int, Row[Any]]:
    """By step, what was told last of each checkpoint."""
    there = select(training_event).where(training_event.c.job_id == job_id, training_event.c.type == "checkpoint")
    return {row.data["step"]: row for row in db.execute(there.order_by(training_event.c.seq))}


def metrics(db: Connection, job_id: str) -> dict[int, dict[str, Any]]:
    """By step, all that was measured there."""
    there = select(training_event.c.data).where(training_event.c.job_id == job_id, training_event.c.type == "metrics")
    found: dict[int, dict[str, Any]] = {}
    for data in db.execute(there.order_by(training_event.c.seq)).scalars():
        found.setdefault(data["step"], {}).update(data)
    return found
