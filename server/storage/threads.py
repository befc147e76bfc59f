"""Rows of threads."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update
from sqlalchemy.dialects.sqlite import insert

from server.storage.tables import thread

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row


def touch(db: Connection, tenant: str, thread_id: str) -> None:
    """Note that something happens on a thread; it is made if there is none."""
    now = time.time()
    row = {"id": thread_id, "tenant": tenant, "metadata": {}, "created_at": now, "updated_at": now}
    if db.execute(insert(thread).values(row).on_conflict_do_nothing()).rowcount == 0:
        db.execute(update(thread).where(thread.c.id == thread_id).values(updated_at=now))


def get_thread(db: Connection, tenant: str, thread_id: str) -> Row[Any] | None:
    return db.execute(select(thread).where(thread.c.id == thread_id, thread.c.tenant == tenant)).one_or_none()
