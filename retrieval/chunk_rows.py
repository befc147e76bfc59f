"""Reading chunks back from the database: for hits, for the contents map, and to bring an index up to date."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import and_, bindparam, func, select

from retrieval.base import Embedder
from retrieval.contents import Content, FileEntry
from retrieval.database import Database
from retrieval.generation import Batch
from retrieval.pace import Pace
from retrieval.tables import chunk, content, document
from retrieval.vectors import read_vectors, write_vectors

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from retrieval.base import Ids

MOST_VALUES = 10_000
"""In one query; SQLite takes 32,766."""
BATCH = 2_000
SLICE = 16
"""Chunks embedded or taken apart between two looks at the pace: at most some 200 ms of work."""


BY_ID = (
    select(chunk.c.id, chunk.c.text, chunk.c.start, chunk.c.end, chunk.c.text_sha256)
    .where(chunk.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(chunk.c.id)
)
"""Built once."""


def text_hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8")).digest()


def by_id(db: Connection, ids: Sequence[int]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for start in range(0, len(ids), MOST_VALUES):
        found |= {row.id: row for row in db.execute(BY_ID, {"ids": ids[start : start + MOST_VALUES]})}
    return found


class Shown(NamedTuple):
    """What of a chunk a hit shows."""

    id: int
    text: str
    start: int
    end: int


def shown(database: Database, ids: Sequence[int]) -> dict[int, Shown]:
    """Those of the chunks that are there. On the calling thread."""
    found: dict[int, Shown] = {}
    for start in range(0, len(ids), MOST_VALUES):
        some = ids[start : start + MOST_VALUES]
        marks = ",".join("?" * len(some))
        rows = database.rows_here(f'SELECT id, text, start, "end" FROM chunk WHERE id IN ({marks})', some)
        found |= {row[0]: Shown(*row) for row in rows}
    return found


def contents(
    db: Connection, collection_id: str, chunking: str | None
) -> tuple[list[Content], list[tuple[int, FileEntry]]]:
    """The texts of a collection that have files, with their chunk ranges, and these files, oldest first.

    `chunking` None: each file's text as the file itself is cut; else as `content.chunking` names it, texts that are not
    cut like that left out.
    """
    own, other = content.alias("own"), content.alias("other")
    shown = own if chunking is None else other
    files = select(document, shown.c.id.label("seen_id")).join(own, own.c.id == document.c.content_id)
    if chunking is not None:
        same_text = and_(other.c.sha256 == own.c.sha256, other.c.collection_id == own.c.collection_id)
        files = files.join(other, and_(same_text, other.c.chunking == chunking))
    rows = db.execute(files.where(document.c.collection_id == collection_id).order_by(document.c.created_at))
    entries = [(row.seen_id, FileEntry(row.file_id, row.filename, row.attributes)) for row in rows]
    ranges = select(chunk.c.content_id, func.min(chunk.c.id), func.count()).group_by(chunk.c.content_id)
    wanted = {id for id, _ in entries}
    found = db.execute(ranges.where(chunk.c.collection_id == collection_id))
    return [Content(id, first, count) for id, first, count in found if id in wanted], entries


def counts(db: Connection, collection_id: str) -> dict[str | None, int]:
    """How many chunks of files a collection has, by chunking; None: as the files are cut."""
    by_chunking = select(chunk.c.chunking, func.count()).where(chunk.c.collection_id == collection_id)
    pointed = select(document.c.content_id).where(document.c.collection_id == collection_id)
    own = select(func.count()).select_from(chunk).where(chunk.c.content_id.in_(pointed))
    found: dict[str | None, int] = {key: n for key, n in db.execute(by_chunking.group_by(chunk.c.chunking))}
    return found | {None: db.execute(own).scalar_one()}


def uncut(db: Connection, collection_id: str, chunking: str, limit: int) -> list[Any]:
    """Contents of files whose text is not cut in this way yet, one of each text."""
    cut = select(content.c.sha256).where(content.c.collection_id == collection_id, content.c.chunking == chunking)
    query = (
        select(content)
        .join(document, document.c.content_id == content.c.id)
        .where(content.c.collection_id == collection_id, content.c.sha256.not_in(cut))
        .group_by(content.c.sha256)
    )
    return list(db.execute(query.limit(limit)).all())


def batches(
    database: Database, embedder: Embedder, ids: Ids, *, dense: bool, lexical: bool, pace: Pace | None = None
) -> Iterator[Batch]:
    """The chunks of `ids`, ready to be indexed. Vectors that are not there (lost, or of another runtime) are made, and
    kept at once, so that work cut short is not done again. Raises Stopped if `pace` says so."""
    import numpy as np

    from retrieval.analysis import terms

    pace = pace or Pace()
    for start in range(0, len(ids), BATCH):
        with database.engine.connect() as db, db.begin():
            rows = list(by_id(db, ids[start : start + BATCH].tolist()).values())
        if not rows:
            continue
        vectors, words = [], []
        for at in range(0, len(rows), SLICE):
            some = rows[at : at + SLICE]
            vectors += _vectors(database, embedder, some, pace) if dense else []
            words += [terms(row.text) for row in some] if lexical else []
            pace.slice(start + at + len(some), len(ids))
        yield Batch(
            np.array([row.id for row in rows], np.int64),
            [row.text for row in rows],
            words if lexical else None,
            np.stack(vectors) if dense else None,
        )


def _vectors(database: Database, embedder: Embedder, rows: Sequence[Row[Any]], pace: Pace) -> list[Any]:
    with database.engine.connect() as db, db.begin():
        known = read_vectors(db, embedder, [row.text_sha256 for row in rows])
    lacking = {row.text_sha256: row.text for row in rows if row.text_sha256 not in known}
    if lacking:
        made = dict(zip(lacking, embedder.embed(list(lacking.values()), kind="document"), strict=True))
        with database.engine.connect().execution_options(writing=True) as db, db.begin():
            # A file may have been deleted since its rows were read: nobody would clear its vectors away any more.
            there = select(chunk.c.text_sha256).where(chunk.c.text_sha256.in_(list(made)))
            write_vectors(db, embedder, {digest: made[digest] for digest in set(db.execute(there).scalars())})
        pace.keep()
        known.update(made)
    return [known[row.text_sha256] for row in rows]
