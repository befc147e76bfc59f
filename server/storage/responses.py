"""Rows of responses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from server.storage import conversations
from server.storage.runs import UNDER_WAY
from server.storage.tables import conversation, response, run

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row


class ConversationBusy(Exception):
    """A response on the conversation is still being made; its id."""


def add_response(db: Connection, row: Mapping[str, Any]) -> None:
    """Raises ConversationBusy: a conversation grows by one response after the other."""
    if row["conversation_id"] is not None:
        query = select(response.c.id).join(run, run.c.id == response.c.run_id, isouter=True)
        query = query.where(
            response.c.conversation_id == row["conversation_id"],
            response.c.final.is_(None),
            run.c.status.in_(UNDER_WAY) | run.c.status.is_(None),
        )
        if (busy := db.execute(query.limit(1)).scalar_one_or_none()) is not None:
            raise ConversationBusy(busy)
    db.execute(insert(response).values(**row))


def get_response(db: Connection, tenant: str, id: str) -> Row[Any] | None:
    return db.execute(select(response).where(response.c.id == id, response.c.tenant == tenant)).one_or_none()


def chain(db: Connection, tenant: str, id: str) -> list[Row[Any]]:
    """A response and those before it, oldest first; one that was deleted ends the chain."""
    found: list[Row[Any]] = []
    following: str | None = id
    while following is not None and (row := get_response(db, tenant, following)) is not None:
        found.append(row)
        following = row.previous_id
    return found[::-1]


def unsettled(db: Connection, conversation_id: str) -> Sequence[Row[Any]]:
    """Responses of a conversation that are over and not yet part of it, in their order."""
    query = select(response).join(run, run.c.id == response.c.run_id).where(
        response.c.conversation_id == conversation_id, response.c.final.is_(None), run.c.status.not_in(UNDER_WAY)
    )  # fmt: skip
    return db.execute(query.order_by(response.c.created_at, response.c.id)).all()


def settle(db: Connection, row: Row[Any], final: Mapping[str, Any]) -> None:
    """Keep how a response ended, and let its conversation grow by it; done once, however many try."""
    change = update(response).where(response.c.id == row.id, response.c.final.is_(None)).values(final=dict(final))
    if not db.execute(change).rowcount or row.conversation_id is None:
        return
    if final["status"] not in ("completed", "incomplete"):
        return
    there = select(conversation.c.id).where(conversation.c.id == row.conversation_id)
    if db.execute(there).scalar_one_or_none() is not None:
        conversations.add_items(db, row.conversation_id, [*row.items, *final["output"]])


def delete_response(db: Connection, id: str) -> None:
    db.execute(delete(response).where(response.c.id == id))


def drop_if_runless(db: Connection, id: str) -> None:
    db.execute(delete(response).where(response.c.id == id, response.c.run_id.not_in(select(run.c.id))))


def drop_runless(db: Connection) -> int:
    """Forget responses whose run was never begun: the process ended in between, and nobody was told of them."""
    return db.execute(delete(response).where(response.c.run_id.not_in(select(run.c.id)))).rowcount
