"""Rows of uploaded files and file batches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, insert, select, update

from retrieval.tables import document
from server.storage.tables import file, file_batch

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

# As in `retrieval.catalog`: put together once, for what every upload does.
_NEW_FILE: Final = insert(file).returning(file)
_FILE: Final = select(file).where(file.c.id == bindparam("of_file"), file.c.tenant == bindparam("of_tenant"))


def add_file(db: Connection, *, id: str, tenant: str, filename: str, bytes: int, sha256: str, purpose: str) -> Row[Any]:
    values = {"tenant": tenant, "filename": filename, "bytes": bytes, "sha256": sha256, "purpose": purpose}
    return db.execute(_NEW_FILE, {"id": id, "created_at": time.time(), **values}).one()


def get_file(db: Connection, tenant: str, file_id: str) -> Row[Any] | None:
    return db.execute(_FILE, {"of_file": file_id, "of_tenant": tenant}).one_or_none()


def all_file_ids(db: Connection) -> set[str]:
    return set(db.execute(select(file.c.id)).scalars())


def delete_unless_held(db: Connection, file_id: str) -> list[str]:
    """Delete the row if no collection holds the file; else return their ids."""
    holders = stores_with(db, file_id)
    if not holders:
        db.execute(delete(file).where(file.c.id == file_id))
    return holders


def add_batch(db: Connection, batch_id: str, collection_id: str) -> None:
    db.execute(
        insert(file_batch).values(id=batch_id, collection_id=collection_id, created_at=time.time(), cancelled=False)
    )


def delete_batches(db: Connection, collection_id: str) -> None:
    db.execute(delete(file_batch).where(file_batch.c.collection_id == collection_id))


def get_batch(db: Connection, collection_id: str, batch_id: str) -> Row[Any] | None:
    query = select(file_batch).where(file_batch.c.id == batch_id, file_batch.c.collection_id == collection_id)
    return db.execute(query).one_or_none()


def mark_cancelled(db: Connection, batch_id: str) -> None:
    db.execute(update(file_batch).where(file_batch.c.id == batch_id).values(cancelled=True))


def stores_with(db: Connection, file_id: str) -> list[str]:
    """The ids of the collections that hold a file."""
    return list(db.execute(select(document.c.collection_id).where(document.c.file_id == file_id)).scalars())
