"""Reading chunks back from the database: for hits, for the contents map, and to bring an index up to date."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from retrieval.base import Embedder
from retrieval.contents import Content, FileEntry
from retrieval.database import Database
from retrieval.generation import Batch
from retrieval.tables import chunk, document
from retrieval.vectors import read_vectors, write_vectors

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from retrieval.base import Ids

BATCH = 2_000


def text_hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8")).digest()


def by_id(db: Connection, ids: Sequence[int]) -> dict[int, Any]:
    columns = select(chunk.c.id, chunk.c.text, chunk.c.start, chunk.c.end, chunk.c.text_sha256).order_by(chunk.c.id)
    found: dict[int, Any] = {}
    # SQLite takes 32,766 values in one query.
    for start in range(0, len(ids), 10_000):
        found |= {row.id: row for row in db.execute(columns.where(chunk.c.id.in_(ids[start : start + 10_000])))}
    return found


def contents(db: Connection, collection_id: str) -> tuple[list[Content], list[tuple[int, FileEntry]]]:
    """All texts of a collection with their chunk ranges, and the files that point to them, oldest first."""
    ranges = select(chunk.c.content_id, func.min(chunk.c.id), func.count()).group_by(chunk.c.content_id)
    rows = db.execute(ranges.where(chunk.c.collection_id == collection_id))
    found = [Content(id, first, count) for id, first, count in rows]
    files = select(document).where(document.c.collection_id == collection_id, document.c.content_id.is_not(None))
    entries = [
        (row.content_id, FileEntry(row.file_id, row.filename, row.attributes))
        for row in db.execute(files.order_by(document.c.created_at))
    ]
    return found, entries


def batches(database: Database, embedder: Embedder, ids: Ids, *, dense: bool) -> Iterator[Batch]:
    """The chunks of `ids`, ready to be indexed. Vectors that are not there (lost, or of another runtime) are made."""
    import numpy as np

    for start in range(0, len(ids), BATCH):
        with database.engine.connect() as db, db.begin():
            rows = list(by_id(db, ids[start : start + BATCH].tolist()).values())
        if not rows:
            continue
        vectors = _vectors(database, embedder, rows) if dense else None
        yield Batch(np.array([row.id for row in rows], np.int64), [row.text for row in rows], None, vectors)


def _vectors(database: Database, embedder: Embedder, rows: Sequence[Row[Any]]) -> Any:
    import numpy as np

    with database.engine.connect() as db, db.begin():
        known = read_vectors(db, embedder, [row.text_sha256 for row in rows])
    lacking = {row.text_sha256: row.text for row in rows if row.text_sha256 not in known}
    if lacking:
        made = dict(zip(lacking, embedder.embed(list(lacking.values()), kind="document"), strict=True))
        with database.engine.connect().execution_options(writing=True) as db, db.begin():
            write_vectors(db, embedder, made)
        known.update(made)
    return np.stack([known[row.text_sha256] for row in rows])
