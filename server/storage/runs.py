"""Rows of runs and their events."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from server.storage import threads
from server.storage.tables import event, run

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

UNDER_WAY = ("queued", "running")


def add_run(db: Connection, row: Mapping[str, Any], *, status: str) -> None:
    """`row`: the columns of `server.storage.tables.run` but for the status. Its thread is made if it is new."""
    db.execute(insert(run).values(status=status, **row))
    threads.touch(db, row["tenant"], row["thread_id"])


def begin_run(db: Connection, run_id: str) -> Row[Any]:
    """A queued run begins, or one that was under way goes on; returns its row."""
    db.execute(update(run).where(run.c.id == run_id).values(status="running"))
    return db.execute(select(run).where(run.c.id == run_id)).one()


def unfinished(db: Connection) -> Sequence[Row[Any]]:
    """Durable runs that have not ended, in the order in which they came."""
    query = select(run).where(run.c.durable, run.c.status.in_(UNDER_WAY))
    return db.execute(query.order_by(run.c.created_at, run.c.id)).all()


def resumes(db: Connection, run_id: str) -> str | None:
    """The run whose question this one answers."""
    order = db.execute(select(run.c.order).where(run.c.id == run_id)).scalar_one()
    found: str | None = order.get("resumes")
    return found


def waiting_on(db: Connection, thread_id: str) -> str | None:
    """The run that waits for an answer on a thread: the last one that ended there, if it does."""
    query = select(run.c.id, run.c.status).where(run.c.thread_id == thread_id, run.c.status.not_in(UNDER_WAY))
    last = db.execute(query.order_by(run.c.created_at.desc(), run.c.id.desc()).limit(1)).one_or_none()
    return last.id if last is not None and last.status == "waiting" else None


def get_run(db: Connection, tenant: str, run_id: str) -> Row[Any] | None:
    return db.execute(select(run).where(run.c.id == run_id, run.c.tenant == tenant)).one_or_none()


def is_over(db: Connection, run_id: str) -> bool:
    return db.execute(select(run.c.status).where(run.c.id == run_id)).scalar_one_or_none() not in UNDER_WAY


def thread_runs(
    db: Connection, tenant: str, thread_id: str, statuses: Sequence[str] | None, limit: int, offset: int
) -> Sequence[Row[Any]]:
    """Newest first."""
    query = select(run).where(run.c.thread_id == thread_id, run.c.tenant == tenant)
    if statuses is not None:
        query = query.where(run.c.status.in_(statuses))
    return db.execute(query.order_by(run.c.created_at.desc(), run.c.id.desc()).limit(limit).offset(offset)).all()


def under_way(db: Connection, tenant: str, thread_id: str | None = None) -> Sequence[Row[Any]]:
    query = select(run).where(run.c.tenant == tenant, run.c.status.in_(UNDER_WAY))
    if thread_id is not None:
        query = query.where(run.c.thread_id == thread_id)
    return db.execute(query.order_by(run.c.created_at, run.c.id)).all()


def change_status(db: Connection, run_id: str, old: str, new: str) -> bool:
    """False if it is not, or not any more, `old`."""
    change = update(run).where(run.c.id == run_id, run.c.status == old).values(status=new)
    return db.execute(change).rowcount == 1


def remove_run(db: Connection, run_id: str) -> None:
    db.execute(delete(event).where(event.c.run_id == run_id))
    db.execute(delete(run).where(run.c.id == run_id))


def end_run(db: Connection, run_id: str, status: str, answer: str | None) -> None:
    db.execute(update(run).where(run.c.id == run_id).values(status=status, answer=answer, finished_at=time.time()))


def abandoned(db: Connection) -> list[tuple[str, int]]:
    """Foreground runs that a killed process left open: (run id, seq of their last stored event)."""
    last = select(func.coalesce(func.max(event.c.seq), 0)).where(event.c.run_id == run.c.id).scalar_subquery()
    query = select(run.c.id, last).where(run.c.status == "running", run.c.durable.is_(False))
    return [(id, seq) for id, seq in db.execute(query)]


def add_events(db: Connection, rows: Sequence[tuple[str, int, str, str]]) -> None:
    """Each row: run id, seq, type, JSON."""
    if rows:
        db.execute(insert(event), [{"run_id": r, "seq": s, "type": t, "data": d} for r, s, t, d in rows])


def last_event(db: Connection, run_id: str) -> str:
    """As JSON."""
    query = select(event.c.data).where(event.c.run_id == run_id).order_by(event.c.seq.desc()).limit(1)
    return str(db.execute(query).scalar_one())


def read_events(db: Connection, run_id: str, after: int, limit: int) -> list[tuple[int, str, str]]:
    """(seq, type, JSON) of the events after `after`, in order."""
    query = select(event.c.seq, event.c.type, event.c.data).where(event.c.run_id == run_id, event.c.seq > after)
    return [(s, t, d) for s, t, d in db.execute(query.order_by(event.c.seq).limit(limit))]
