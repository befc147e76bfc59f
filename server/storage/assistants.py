"""Rows of assistants: pipelines that a user has set up, with all versions of each."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from server.storage.tables import assistant, assistant_version

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row, Select

KEPT = ("pipeline", "name", "description", "config", "context", "metadata")
"""What a version holds."""


def current() -> Select[Any]:
    return select(
        assistant_version, assistant.c.tenant, assistant.c.updated_at, assistant.c.created_at.label("made_at")
    ).join(
        assistant,
        (assistant.c.id == assistant_version.c.assistant_id) & (assistant.c.version == assistant_version.c.version),
    )


def get_assistant(db: Connection, tenant: str, assistant_id: str) -> Row[Any] | None:
    return db.execute(current().where(assistant.c.id == assistant_id, assistant.c.tenant == tenant)).one_or_none()


def exists(db: Connection, assistant_id: str) -> bool:
    """For any tenant."""
    return db.execute(select(assistant.c.id).where(assistant.c.id == assistant_id)).one_or_none() is not None


def list_assistants(db: Connection, tenant: str) -> Sequence[Row[Any]]:
    query = current().where(assistant.c.tenant == tenant)
    return db.execute(query.order_by(assistant.c.created_at.desc(), assistant.c.id)).all()


def list_versions(db: Connection, assistant_id: str) -> Sequence[Row[Any]]:
    """Newest first."""
    query = select(assistant_version).where(assistant_version.c.assistant_id == assistant_id)
    return db.execute(query.order_by(assistant_version.c.version.desc())).all()


def add_assistant(db: Connection, tenant: str, assistant_id: str, fields: Mapping[str, Any]) -> None:
    now = time.time()
    about = {"id": assistant_id, "tenant": tenant, "version": 1, "created_at": now, "updated_at": now}
    db.execute(insert(assistant).values(about))
    db.execute(insert(assistant_version).values(assistant_id=assistant_id, version=1, created_at=now, **fields))


def add_version(db: Connection, assistant_id: str, fields: Mapping[str, Any]) -> None:
    """Make a new version, which is then the one in use."""
    newest = select(func.max(assistant_version.c.version)).where(assistant_version.c.assistant_id == assistant_id)
    version, now = db.execute(newest).scalar_one() + 1, time.time()
    db.execute(insert(assistant_version).values(assistant_id=assistant_id, version=version, created_at=now, **fields))
    db.execute(update(assistant).where(assistant.c.id == assistant_id).values(version=version, updated_at=now))


def use_version(db: Connection, assistant_id: str, version: int) -> bool:
    """False if there is no such version."""
    there = select(assistant_version.c.version).where(
        assistant_version.c.assistant_id == assistant_id, assistant_version.c.version == version
    )
    if db.execute(there).one_or_none() is None:
        return False
    change = update(assistant).where(assistant.c.id == assistant_id)
    db.execute(change.values(version=version, updated_at=time.time()))
    return True


def remove_assistant(db: Connection, assistant_id: str) -> None:
    db.execute(delete(assistant_version).where(assistant_version.c.assistant_id == assistant_id))
    db.execute(delete(assistant).where(assistant.c.id == assistant_id))
