"""What the database knows of generations. Plain functions on a connection, each one step of a transaction."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from sqlalchemy import delete, insert, select, update

from retrieval import chunking, orphans
from retrieval.tables import chunk, collection, embedding, generation

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

Status = Literal["queued", "building", "measuring", "ready", "active", "retired", "cancelled", "failed"]
UNFINISHED: Final[tuple[Status, ...]] = ("queued", "building", "measuring")
EMPTY: Final = dict.fromkeys(
    ("recall_at_10", "p50_ms", "p99_ms", "qps", "bytes_per_vector", "build_s", "disk_bytes", "ndcg_at_10", "mrr_at_10")
) | {"n_queries": 0, "n_asked": 0}
"""Metrics of a generation that was not measured yet."""
SEARCHABLE: Final[tuple[Status, ...]] = ("active", "ready", "retired")
"""They are loaded with their collection and receive its writes."""


def create(db: Connection, values: Mapping[str, Any]) -> None:
    db.execute(insert(generation).values(status="queued", notes=[], created_at=time.time(), **values))


def get(db: Connection, collection_id: str, generation_id: str) -> Row[Any] | None:
    query = select(generation).where(generation.c.id == generation_id, generation.c.collection_id == collection_id)
    return db.execute(query).one_or_none()


def by_id(db: Connection, generation_id: str) -> Row[Any] | None:
    return db.execute(select(generation).where(generation.c.id == generation_id)).one_or_none()


def of_collection(db: Connection, collection_id: str) -> list[Row[Any]]:
    """Oldest first."""
    query = select(generation).where(generation.c.collection_id == collection_id)
    return list(db.execute(query.order_by(generation.c.created_at)).all())


def unfinished(db: Connection) -> list[Row[Any]]:
    """What a restart has to go on with, oldest first."""
    query = select(generation).where(generation.c.status.in_(UNFINISHED))
    return list(db.execute(query.order_by(generation.c.created_at)).all())


def all_ids(db: Connection) -> set[tuple[str, str]]:
    """(collection, generation) of every generation that may have files."""
    kept = generation.c.status.not_in(("failed", "cancelled"))
    return {(row[0], row[1]) for row in db.execute(select(generation.c.collection_id, generation.c.id).where(kept))}


def change(db: Connection, generation_id: str, *, only: tuple[Status, ...] | None = None, **values: Any) -> bool:
    """Set columns; False if it is gone, or its status is not one of `only`."""
    there = update(generation).where(generation.c.id == generation_id)
    if only is not None:
        there = there.where(generation.c.status.in_(only))
    return db.execute(there.values(values)).rowcount > 0


def add_metrics(db: Connection, generation_id: str, figures: Mapping[str, Any]) -> None:
    row = by_id(db, generation_id)
    if row is not None:
        change(db, generation_id, metrics={**(row.metrics or EMPTY), **figures})


def end(
    db: Connection, generation_id: str, status: Literal["cancelled", "failed"], error: str | None = None,
    only: tuple[Status, ...] = (*UNFINISHED, "ready", "retired"),
) -> bool:  # fmt: skip
    """Give a generation up, and forget what only it needed; if it failed, its vectors stay until it is deleted, for
    another try. False if there is none of a status that may be."""
    row = by_id(db, generation_id)
    if row is None or row.status not in only:
        return False
    change(db, generation_id, status=status, error=error)
    forget(db, row, vectors=status != "failed")
    return True


def activate(db: Connection, collection_id: str, generation_id: str, notes: list[str]) -> None:
    """The one that was active is retired: it can be activated again."""
    former = generation.c.collection_id == collection_id, generation.c.status == "active"
    db.execute(update(generation).where(*former).values(status="retired"))
    change(db, generation_id, status="active", notes=notes)
    db.execute(update(collection).where(collection.c.id == collection_id).values(active_generation=generation_id))


def remove(db: Connection, collection_id: str, generation_id: str) -> bool:
    """Forget a generation, and the chunks and vectors that only it needed. False if it is gone, or active."""
    row = get(db, collection_id, generation_id)
    if row is None or row.status == "active":
        return False
    db.execute(delete(generation).where(generation.c.id == generation_id))
    forget(db, row)
    return True


def forget(db: Connection, row: Row[Any], *, vectors: bool = True) -> None:
    """Drop the chunks and vectors that only this generation needed, which is gone or given up."""
    collection_id = row.collection_id
    orphans.drop_unneeded(db, collection_id, view_keys(db, collection_id))
    if vectors and row.fingerprint is not None:
        needed = (
            select(chunk.c.text_sha256)
            .join(generation, generation.c.collection_id == chunk.c.collection_id)
            .where(generation.c.fingerprint == row.fingerprint, generation.c.status.not_in(("failed", "cancelled")))
        )
        whose = embedding.c.fingerprint == row.fingerprint, embedding.c.text_sha256.not_in(needed)
        db.execute(delete(embedding).where(*whose))


def view_key(strategy: Mapping[str, Any] | None) -> str | None:
    """How a generation chunks, as `content.chunking` names it; None: as each file says."""
    return None if strategy is None else chunking.from_strategy(strategy).key


def view_keys(db: Connection, collection_id: str) -> set[str]:
    """The chunkings that generations put in the place of the files' own."""
    query = select(generation.c.chunking).where(
        generation.c.collection_id == collection_id, generation.c.status.in_((*SEARCHABLE, *UNFINISHED))
    )
    return {key for (strategy,) in db.execute(query) if (key := view_key(strategy)) is not None}
