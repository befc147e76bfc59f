"""Rows of threads."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, delete, exists, func, literal, select, update
from sqlalchemy.dialects.sqlite import insert

from server.storage.tables import event, run, thread

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row

UNDER_WAY = ("queued", "running")


def touch(db: Connection, tenant: str, thread_id: str) -> None:
    """Note that something happens on a thread; it is made if there is none."""
    now = time.time()
    row = {"id": thread_id, "tenant": tenant, "metadata": {}, "created_at": now, "updated_at": now}
    if db.execute(insert(thread).values(row).on_conflict_do_nothing()).rowcount == 0:
        db.execute(update(thread).where(thread.c.id == thread_id).values(updated_at=now))


def get_thread(db: Connection, tenant: str, thread_id: str) -> Row[Any] | None:
    return db.execute(select(thread).where(thread.c.id == thread_id, thread.c.tenant == tenant)).one_or_none()


def exists_anywhere(db: Connection, thread_id: str) -> bool:
    """Whosever it is."""
    return db.execute(select(thread.c.id).where(thread.c.id == thread_id)).one_or_none() is not None


def add_thread(db: Connection, tenant: str, thread_id: str, metadata: Mapping[str, Any]) -> bool:
    """False if there is one already, whosever it is."""
    now = time.time()
    row = {"id": thread_id, "tenant": tenant, "metadata": dict(metadata), "created_at": now, "updated_at": now}
    return db.execute(insert(thread).values(row).on_conflict_do_nothing()).rowcount == 1


def note(db: Connection, tenant: str, thread_id: str, metadata: Mapping[str, Any]) -> bool:
    """Add to the thread's metadata; False if there is no such thread."""
    found = get_thread(db, tenant, thread_id)
    if found is None:
        return False
    changed = {"metadata": {**found.metadata, **metadata}, "updated_at": time.time()}
    db.execute(update(thread).where(thread.c.id == thread_id).values(changed))
    return True


def remove_thread(db: Connection, thread_id: str) -> None:
    """With its runs and their events."""
    of_it = select(run.c.id).where(run.c.thread_id == thread_id)
    db.execute(delete(event).where(event.c.run_id.in_(of_it)))
    db.execute(delete(run).where(run.c.thread_id == thread_id))
    db.execute(delete(thread).where(thread.c.id == thread_id))


def status() -> ColumnElement[str]:
    """LangGraph's word for what a thread does."""
    there = run.c.thread_id == thread.c.id
    busy = exists(select(literal(1)).where(there, run.c.status.in_(UNDER_WAY)))
    last = select(run.c.status).where(there).order_by(run.c.created_at.desc(), run.c.id.desc()).limit(1)
    ended = last.correlate(thread).scalar_subquery()
    return case(
        (busy, "busy"),
        (ended == "waiting", "interrupted"),
        (ended.in_(("error", "interrupted")), "error"),
        else_="idle",
    ).label("status")


def with_status(db: Connection, tenant: str, thread_id: str) -> Row[Any] | None:
    query = select(thread, status()).where(thread.c.id == thread_id, thread.c.tenant == tenant)
    return db.execute(query).one_or_none()


def each_thread(
    db: Connection,
    tenant: str,
    *,
    texts: Mapping[str, str],
    ids: Sequence[str] | None,
    wanted: str | None,
    by: str,
    descending: bool,
) -> Iterator[Row[Any]]:
    """Threads with their status. `texts`: what their metadata must say; `wanted`: the status; `by`: a column."""
    state = status()
    query = select(thread, state).where(thread.c.tenant == tenant)
    for number, (key, value) in enumerate(texts.items()):
        entry = func.json_each(thread.c.metadata).table_valued("key", "value", name=f"entry{number}")
        found = select(literal(1)).select_from(entry).where(entry.c.key == key, entry.c.value == value)
        query = query.where(exists(found))
    if ids is not None:
        query = query.where(thread.c.id.in_(ids))
    if wanted is not None:
        query = query.where(state.element == wanted)
    column = state.element if by == "status" else thread.c[by]
    order = (column.desc(), thread.c.id.desc()) if descending else (column, thread.c.id)
    yield from db.execute(query.order_by(*order))
