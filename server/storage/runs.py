"""Rows of runs and their events."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from server.storage.tables import event, run

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row


def add_run(db: Connection, row: Mapping[str, Any]) -> None:
    """`row`: the columns of `server.storage.tables.run` but for the status."""
    db.execute(insert(run).values(status="running", **row))


def get_run(db: Connection, tenant: str, run_id: str) -> Row[Any] | None:
    return db.execute(select(run).where(run.c.id == run_id, run.c.tenant == tenant)).one_or_none()


def is_running(db: Connection, run_id: str) -> bool:
    return db.execute(select(run.c.status).where(run.c.id == run_id)).scalar_one_or_none() == "running"


def end_run(db: Connection, run_id: str, status: str, answer: str | None) -> None:
    db.execute(update(run).where(run.c.id == run_id).values(status=status, answer=answer, finished_at=time.time()))


def abandoned(db: Connection) -> list[tuple[str, int]]:
    """Runs that a killed process left open: (run id, seq of their last stored event)."""
    last = select(func.coalesce(func.max(event.c.seq), 0)).where(event.c.run_id == run.c.id).scalar_subquery()
    return [(id, seq) for id, seq in db.execute(select(run.c.id, last).where(run.c.status == "running"))]


def add_events(db: Connection, rows: Sequence[tuple[str, int, str, str]]) -> None:
    """Each row: run id, seq, type, JSON."""
    if rows:
        db.execute(insert(event), [{"run_id": r, "seq": s, "type": t, "data": d} for r, s, t, d in rows])


def read_events(db: Connection, run_id: str, after: int, limit: int) -> list[tuple[int, str, str]]:
    """(seq, type, JSON) of the events after `after`, in order."""
    query = select(event.c.seq, event.c.type, event.c.data).where(event.c.run_id == run_id, event.c.seq > after)
    return [(s, t, d) for s, t, d in db.execute(query.order_by(event.c.seq).limit(limit))]
