"""Rows of memory: records by their owner and number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, select
from sqlalchemy.dialects.sqlite import insert

from agents.memory.record import Owner, Record
from agents.memory.store import Kept
from server.storage.tables import memory_record

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Row

    from retrieval.database import Database

KEY = ("tenant", "scope", "owner", "id")
FIXED = frozenset({*KEY, "made_by"})
VECTOR = frozenset({"vector", "embedded_by"})


@dataclass(frozen=True)
class InDatabase:
    """A Store (agents.memory.store) in the service's database."""

    database: Database

    async def load(self, owner: Owner) -> list[Kept]:
        return await self.database.read(lambda db: [_kept(row) for row in rows_of(db, owner)])

    async def write(self, owner: Owner, changed: Sequence[Kept]) -> None:
        await self.database.write(lambda db: put(db, owner, changed))

    async def erase(self, owner: Owner) -> None:
        await self.database.write(lambda db: db.execute(delete(memory_record).where(_of(owner))))


def put(db: Connection, owner: Owner, changed: Sequence[Kept]) -> None:
    for with_vector in (True, False):
        rows = [_row(owner, kept) for kept in changed if (kept.vector is not None) is with_vector]
        if rows:
            added = insert(memory_record)
            kept = FIXED if with_vector else FIXED | VECTOR
            renewed = {c.name: getattr(added.excluded, c.name) for c in memory_record.c if c.name not in kept}
            db.execute(added.on_conflict_do_update(index_elements=KEY, set_=renewed), rows)


def rows_of(db: Connection, owner: Owner) -> Sequence[Row[Any]]:
    """By id."""
    return db.execute(select(memory_record).where(_of(owner)).order_by(memory_record.c.id)).all()


def listed(db: Connection, owner: Owner) -> Sequence[Row[Any]]:
    """By id, without the vectors."""
    columns = [column for column in memory_record.c if column.name not in VECTOR]
    return db.execute(select(*columns).where(_of(owner)).order_by(memory_record.c.id)).all()


def owners(db: Connection, tenant: str) -> list[Owner]:
    columns = (memory_record.c.tenant, memory_record.c.scope, memory_record.c.owner)
    query = select(*columns).where(memory_record.c.tenant == tenant).distinct().order_by(*columns)
    return [Owner(*row) for row in db.execute(query)]


def record_of(row: Row[Any]) -> Record:
    about: dict[str, Any] = {name: getattr(row, name) for name in Record.model_fields}
    about |= {name: datetime.fromtimestamp(about[name], UTC) for name in ("created_at", "last_access")}
    return Record(**about)


def _kept(row: Row[Any]) -> Kept:
    return Kept(record_of(row), row.vector, row.embedded_by, row.made_by)


def _row(owner: Owner, kept: Kept) -> dict[str, Any]:
    about = kept.record.model_dump()
    at = {name: about[name].timestamp() for name in ("created_at", "last_access")}
    return {
        "tenant": owner.tenant,
        "scope": owner.scope,
        "owner": owner.name,
        **about,
        **at,
        "sources": list(kept.record.sources),
        "vector": kept.vector,
        "embedded_by": kept.embedded_by,
        "made_by": kept.made_by,
    }


def _of(owner: Owner) -> ColumnElement[bool]:
    c = memory_record.c
    return and_(c.tenant == owner.tenant, c.scope == owner.scope, c.owner == owner.name)
