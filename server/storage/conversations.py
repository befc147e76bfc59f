"""Rows of conversations and their items."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from server.storage.tables import conversation, conversation_item

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

Kept = Mapping[str, Any]


def add_conversation(db: Connection, id: str, tenant: str, metadata: Mapping[str, str], items: Sequence[Kept]) -> None:
    values = {"id": id, "tenant": tenant, "metadata": dict(metadata), "created_at": time.time()}
    db.execute(insert(conversation).values(**values))
    add_items(db, id, items)


def get_conversation(db: Connection, tenant: str, id: str) -> Row[Any] | None:
    query = select(conversation).where(conversation.c.id == id, conversation.c.tenant == tenant)
    return db.execute(query).one_or_none()


def set_metadata(db: Connection, id: str, metadata: Mapping[str, str]) -> None:
    db.execute(update(conversation).where(conversation.c.id == id).values(metadata=dict(metadata)))


def delete_conversation(db: Connection, id: str) -> None:
    """And its items; responses that belong to it stay."""
    db.execute(delete(conversation).where(conversation.c.id == id))


def add_items(db: Connection, conversation_id: str, items: Sequence[Kept]) -> None:
    """At the end, in order."""
    column = conversation_item.c
    last = select(func.coalesce(func.max(column.position), 0)).where(column.conversation_id == conversation_id)
    first = db.execute(last).scalar_one() + 1
    rows = [
        {"id": item["id"], "conversation_id": conversation_id, "position": position, "data": dict(item)}
        for position, item in enumerate(items, start=first)
    ]
    if rows:
        db.execute(insert(conversation_item), rows)


def items_of(db: Connection, conversation_id: str) -> list[dict[str, Any]]:
    column = conversation_item.c
    query = select(column.data).where(column.conversation_id == conversation_id).order_by(column.position)
    return list(db.execute(query).scalars())


def get_item(db: Connection, conversation_id: str, item_id: str) -> dict[str, Any] | None:
    column = conversation_item.c
    query = select(column.data).where(column.conversation_id == conversation_id, column.id == item_id)
    found: dict[str, Any] | None = db.execute(query).scalar_one_or_none()
    return found


def item_anywhere(db: Connection, tenant: str, item_id: str) -> dict[str, Any] | None:
    """An item of any of the tenant's conversations."""
    query = select(conversation_item.c.data).join(conversation)
    query = query.where(conversation_item.c.id == item_id, conversation.c.tenant == tenant)
    found: dict[str, Any] | None = db.execute(query).scalar_one_or_none()
    return found


def delete_item(db: Connection, conversation_id: str, item_id: str) -> bool:
    column = conversation_item.c
    gone = delete(conversation_item).where(column.conversation_id == conversation_id, column.id == item_id)
    return db.execute(gone).rowcount > 0
