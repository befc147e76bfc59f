"""Letting go of contents, chunks and vectors that nothing needs any more. Plain functions on a connection.

A content is needed while a file points to it, or, for its text, while any file has that text and a generation chunks it
as this content is chunked.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from retrieval.tables import chunk, content, document, embedding

if TYPE_CHECKING:
    from sqlalchemy import Connection


def release(db: Connection, content_id: int, views: AbstractSet[str]) -> None:
    """A file has left this content: drop what is no longer needed of its text. `views`: chunkings of generations."""
    left = db.execute(select(content).where(content.c.id == content_id)).one_or_none()
    if left is None:
        return
    alike = select(content.c.id, content.c.chunking).where(
        content.c.collection_id == left.collection_id, content.c.sha256 == left.sha256
    )
    chunkings = {id: key for id, key in db.execute(alike)}
    pointing = select(document.c.content_id).where(document.c.content_id.in_(chunkings))
    pointed = set(db.execute(pointing).scalars())
    needed = pointed | {id for id, key in chunkings.items() if pointed and key in views}
    drop(db, [id for id in chunkings if id not in needed])


def drop_unneeded(db: Connection, collection_id: str, views: AbstractSet[str]) -> None:
    """Drop contents that no file points to, and no generation chunks like."""
    pointed = select(document.c.content_id).where(document.c.content_id.is_not(None))
    unneeded = select(content.c.id).where(
        content.c.collection_id == collection_id, content.c.id.not_in(pointed), content.c.chunking.not_in(views)
    )
    drop(db, list(db.execute(unneeded).scalars()))


def drop(db: Connection, content_ids: Sequence[int]) -> None:
    """With their chunks, and the vectors that only these needed."""
    for id in content_ids:
        hashes = set(db.execute(select(chunk.c.text_sha256).where(chunk.c.content_id == id)).scalars())
        db.execute(delete(chunk).where(chunk.c.content_id == id))
        db.execute(delete(content).where(content.c.id == id))
        forget_vectors(db, list(hashes))


def forget_vectors(db: Connection, hashes: Sequence[bytes]) -> None:
    """Drop vectors that no chunk of any collection needs any more."""
    for start in range(0, len(hashes), 500):
        some = hashes[start : start + 500]
        used = select(chunk.c.text_sha256).where(chunk.c.text_sha256.in_(some))
        db.execute(delete(embedding).where(embedding.c.text_sha256.in_(some), embedding.c.text_sha256.not_in(used)))
