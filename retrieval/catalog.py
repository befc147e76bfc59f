"""What the database knows of collections and their documents. Plain functions on a connection; each is one step of a
transaction that the caller opens.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import delete, func, insert, select, update

from retrieval.base import AttributeValue
from retrieval.tables import chunk, collection, content, document, embedding, generation

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

Status = Literal["in_progress", "completed", "failed", "cancelled"]


@dataclass(frozen=True, kw_only=True)
class NewDocument:
    collection_id: str
    file_id: str
    filename: str
    attributes: Mapping[str, AttributeValue]
    chunking: Mapping[str, Any]
    batch_id: str | None
    attempt: str


@dataclass(frozen=True)
class NewChunk:
    start: int
    end: int
    text: str
    text_sha256: bytes


def create_collection(
    db: Connection, *, id: str, tenant: str, name: str, description: str, metadata: Mapping[str, str],
    expires_after_days: int | None, generation_id: str, index: str, embedder: str,
) -> None:  # fmt: skip
    """A new collection with its one active generation `auto`."""
    now = time.time()
    db.execute(
        insert(collection).values(
            id=id,
            tenant=tenant,
            name=name,
            description=description,
            metadata=dict(metadata),
            created_at=now,
            last_active_at=now,
            expires_after_days=expires_after_days,
            active_generation=generation_id,
        )
    )
    db.execute(
        insert(generation).values(
            id=generation_id,
            collection_id=id,
            status="active",
            index=index,
            embedder=embedder,
            chunking=None,
            notes=[],
            created_at=now,
        )
    )


def get_collection(db: Connection, tenant: str, collection_id: str) -> Row[Any] | None:
    return db.execute(
        select(collection).where(collection.c.id == collection_id, collection.c.tenant == tenant)
    ).one_or_none()


def collections_named(db: Connection, tenant: str, name: str) -> list[str]:
    query = select(collection.c.id).where(collection.c.tenant == tenant, collection.c.name == name)
    return list(db.execute(query.order_by(collection.c.created_at)).scalars())


def active_generation(db: Connection, collection_id: str) -> Row[Any]:
    return db.execute(
        select(generation)
        .join(collection, collection.c.active_generation == generation.c.id)
        .where(collection.c.id == collection_id)
    ).one()


def delete_collection(db: Connection, collection_id: str) -> None:
    hashes = _hashes(db, select(chunk.c.text_sha256).where(chunk.c.collection_id == collection_id))
    db.execute(delete(document).where(document.c.collection_id == collection_id))
    db.execute(delete(chunk).where(chunk.c.collection_id == collection_id))
    db.execute(delete(content).where(content.c.collection_id == collection_id))
    db.execute(delete(collection).where(collection.c.id == collection_id))
    forget_vectors(db, hashes)


def put_document(db: Connection, new: NewDocument) -> None:
    """Queue a file for ingest. One that is there already keeps its searchable content until the new one replaces it."""
    values = {
        "filename": new.filename,
        "status": "in_progress",
        "error_code": None,
        "error_message": None,
        "attributes": dict(new.attributes),
        "chunking": dict(new.chunking),
        "batch_id": new.batch_id,
        "attempt": new.attempt,
        "chunks_done": 0,
        "chunks_total": 0,
    }
    there = update(document).where(*_document(new.collection_id, new.file_id)).values(values)
    if db.execute(there).rowcount == 0:
        db.execute(
            insert(document).values(
                collection_id=new.collection_id,
                file_id=new.file_id,
                created_at=time.time(),
                usage_bytes=0,
                **values,
            )
        )


def get_document(db: Connection, collection_id: str, file_id: str) -> Row[Any] | None:
    return db.execute(select(document).where(*_document(collection_id, file_id))).one_or_none()


def unfinished_documents(db: Connection) -> list[tuple[str, str]]:
    """What a restart has to go on with, oldest first: (collection id, file id)."""
    query = select(document.c.collection_id, document.c.file_id).where(document.c.status == "in_progress")
    return [(row[0], row[1]) for row in db.execute(query.order_by(document.c.created_at))]


def set_progress(db: Connection, collection_id: str, file_id: str, attempt: str, done: int, total: int) -> None:
    where = (*_document(collection_id, file_id), document.c.attempt == attempt)
    db.execute(update(document).where(*where).values(chunks_done=done, chunks_total=total))


def end_document(
    db: Connection, collection_id: str, file_id: str, attempt: str, status: Status, code: str | None, why: str | None
) -> bool:  # fmt: skip
    """Close an ingest that did not succeed. False if another attempt or a deletion came in between."""
    where = (*_document(collection_id, file_id), document.c.attempt == attempt, document.c.status == "in_progress")
    values = {"status": status, "error_code": code, "error_message": why}
    return db.execute(update(document).where(*where).values(values)).rowcount > 0


@dataclass(frozen=True)
class Committed:
    """What a finished ingest changed: `first..first+count-1` are the chunks; `fresh` if they are new."""

    content_id: int
    first: int
    count: int
    fresh: bool
    attributes: Mapping[str, AttributeValue]
    """Of the file as they are now: they may have been changed while it was being read."""


def find_content(db: Connection, collection_id: str, sha256: str, chunking: str) -> int | None:
    query = select(content.c.id).where(
        content.c.collection_id == collection_id, content.c.sha256 == sha256, content.c.chunking == chunking
    )
    return db.execute(query).scalar_one_or_none()


def commit_document(
    db: Connection, collection_id: str, file_id: str, attempt: str, *,
    sha256: str, chunking: str, text: str, title: str, media_type: str, chunks: Sequence[NewChunk],
) -> Committed | None:  # fmt: skip
    """Make a parsed file searchable, all of it or nothing. None if a deletion or another attempt came in between."""
    row = get_document(db, collection_id, file_id)
    if row is None or row.attempt != attempt or row.status != "in_progress":
        return None
    content_id = find_content(db, collection_id, sha256, chunking)
    fresh = content_id is None
    if content_id is None:
        values = {"collection_id": collection_id, "sha256": sha256, "chunking": chunking}
        made = db.execute(insert(content).values(**values, text=text, title=title, media_type=media_type))
        content_id = int(made.inserted_primary_key[0])  # type: ignore[index]
        db.execute(
            insert(chunk),
            [
                {
                    "content_id": content_id,
                    "collection_id": collection_id,
                    "chunking": chunking,
                    "start": c.start,
                    "end": c.end,
                    "text": c.text,
                    "text_sha256": c.text_sha256,
                }
                for c in chunks
            ],
        )
    db.execute(
        update(document)
        .where(*_document(collection_id, file_id))
        .values(
            status="completed",
            content_id=content_id,
            usage_bytes=len(text.encode()),
            chunks_done=len(chunks),
            chunks_total=len(chunks),
        )
    )
    if row.content_id not in (None, content_id):
        _drop_orphan(db, row.content_id)
    first, count = chunk_range(db, content_id)
    return Committed(content_id, first, count, fresh, row.attributes)


def chunk_range(db: Connection, content_id: int) -> tuple[int, int]:
    first, count = db.execute(select(func.min(chunk.c.id), func.count()).where(chunk.c.content_id == content_id)).one()
    return int(first), int(count)


def delete_document(db: Connection, collection_id: str, file_id: str) -> bool:
    row = get_document(db, collection_id, file_id)
    if row is None:
        return False
    db.execute(delete(document).where(*_document(collection_id, file_id)))
    if row.content_id is not None:
        _drop_orphan(db, row.content_id)
    return True


def set_attributes(db: Connection, collection_id: str, file_id: str, attributes: Mapping[str, AttributeValue]) -> None:
    db.execute(update(document).where(*_document(collection_id, file_id)).values(attributes=dict(attributes)))


def _document(collection_id: str, file_id: str) -> tuple[Any, Any]:
    return document.c.collection_id == collection_id, document.c.file_id == file_id


def _drop_orphan(db: Connection, content_id: int) -> bool:
    if db.execute(select(func.count()).where(document.c.content_id == content_id)).scalar_one():
        return False
    hashes = _hashes(db, select(chunk.c.text_sha256).where(chunk.c.content_id == content_id))
    db.execute(delete(chunk).where(chunk.c.content_id == content_id))
    db.execute(delete(content).where(content.c.id == content_id))
    forget_vectors(db, hashes)
    return True


def _hashes(db: Connection, query: Any) -> list[bytes]:
    return list(set(db.execute(query).scalars()))


def forget_vectors(db: Connection, hashes: Sequence[bytes]) -> None:
    """Drop vectors that no chunk of any collection needs any more."""
    for start in range(0, len(hashes), 500):
        some = hashes[start : start + 500]
        used = select(chunk.c.text_sha256).where(chunk.c.text_sha256.in_(some))
        db.execute(delete(embedding).where(embedding.c.text_sha256.in_(some), embedding.c.text_sha256.not_in(used)))
