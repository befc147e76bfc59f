"""What the database knows of collections and their documents. Plain functions on a connection; each is one step of a
transaction that the caller opens.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from sqlalchemy import bindparam, delete, func, insert, select, update

from retrieval import generations, orphans
from retrieval.base import AttributeValue
from retrieval.tables import chunk, collection, content, document, generation

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

Status = Literal["in_progress", "completed", "failed", "cancelled"]

# What every ingest does is put together once: that takes longer than SQLite needs for it.
_AT: Final = document.c.collection_id == bindparam("of_collection"), document.c.file_id == bindparam("of_file")
_DOCUMENT: Final = select(document).where(*_AT)
_NEW_DOCUMENT: Final = insert(document)
_NO_DOCUMENT: Final = delete(document).where(*_AT)
_CHANGE: Final = update(document).where(*_AT)
_CHANGE_ATTEMPT: Final = _CHANGE.where(document.c.attempt == bindparam("of_attempt"))
_CONTENT_ID: Final = select(content.c.id).where(
    content.c.collection_id == bindparam("of_collection"),
    content.c.sha256 == bindparam("of_sha256"),
    content.c.chunking == bindparam("of_chunking"),
)
_NEW_CONTENT: Final = insert(content)
_NEW_CHUNK: Final = insert(chunk)
_CHUNKS_OF: Final = select(func.min(chunk.c.id), func.count()).where(chunk.c.content_id == bindparam("of_content"))


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
    db.execute(delete(document).where(document.c.collection_id == collection_id))
    hashes = set(db.execute(select(chunk.c.text_sha256).where(chunk.c.collection_id == collection_id)).scalars())
    db.execute(delete(chunk).where(chunk.c.collection_id == collection_id))
    db.execute(delete(content).where(content.c.collection_id == collection_id))
    db.execute(delete(collection).where(collection.c.id == collection_id))
    orphans.forget_vectors(db, list(hashes))


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
    if db.execute(_CHANGE, {**_at(new.collection_id, new.file_id), **values}).rowcount == 0:
        key = {"collection_id": new.collection_id, "file_id": new.file_id}
        db.execute(_NEW_DOCUMENT, {**key, "created_at": time.time(), "usage_bytes": 0, **values})


def get_document(db: Connection, collection_id: str, file_id: str) -> Row[Any] | None:
    return db.execute(_DOCUMENT, _at(collection_id, file_id)).one_or_none()


def unfinished_documents(db: Connection) -> list[tuple[str, str]]:
    """What a restart has to go on with, oldest first: (collection id, file id)."""
    query = select(document.c.collection_id, document.c.file_id).where(document.c.status == "in_progress")
    return [(row[0], row[1]) for row in db.execute(query.order_by(document.c.created_at))]


def set_progress(db: Connection, collection_id: str, file_id: str, attempt: str, done: int, total: int) -> None:
    where = {**_at(collection_id, file_id), "of_attempt": attempt}
    db.execute(_CHANGE_ATTEMPT, {**where, "chunks_done": done, "chunks_total": total})


def end_document(
    db: Connection, collection_id: str, file_id: str, attempt: str, status: Status, code: str | None, why: str | None
) -> bool:  # fmt: skip
    """Close an ingest that did not succeed. False if another attempt or a deletion came in between."""
    there = _CHANGE_ATTEMPT.where(document.c.status == "in_progress")
    values = {"status": status, "error_code": code, "error_message": why}
    return db.execute(there, {**_at(collection_id, file_id), "of_attempt": attempt, **values}).rowcount > 0


@dataclass(frozen=True)
class Place:
    """Where a content stands: its chunks are `first .. first + count - 1`."""

    content_id: int
    first: int
    count: int


@dataclass(frozen=True)
class Committed:
    """What a finished ingest made searchable."""

    own: Place
    """Cut as the file asks."""
    views: Mapping[str, Place]
    """Cut as generations ask that chunk in a way of their own."""
    attributes: Mapping[str, AttributeValue]
    """Of the file as they are now: they may have been changed while it was being read."""


@dataclass(frozen=True)
class Text:
    """A parsed file as it is stored, whatever its chunks."""

    sha256: str
    text: str
    title: str
    media_type: str


def put_content(
    db: Connection, collection_id: str, text: Text, chunking: str, chunks: Sequence[NewChunk]
) -> Place:  # fmt: skip
    """The content of this text and chunking, made if it is not there."""
    key = {"of_collection": collection_id, "of_sha256": text.sha256, "of_chunking": chunking}
    content_id = db.execute(_CONTENT_ID, key).scalar_one_or_none()
    if content_id is None:
        values = {"collection_id": collection_id, "chunking": chunking, **asdict(text)}
        content_id = int(db.execute(_NEW_CONTENT, values).inserted_primary_key[0])  # type: ignore[index]
        own = {"content_id": content_id, "collection_id": collection_id, "chunking": chunking}
        db.execute(_NEW_CHUNK, [{**own, **asdict(c)} for c in chunks])
    first, count = db.execute(_CHUNKS_OF, {"of_content": content_id}).one()
    return Place(content_id, int(first), int(count))


def put_cut(db: Connection, content_id: int, chunking: str, chunks: Sequence[NewChunk]) -> None:
    """The text of a content cut in another way, unless the content has gone meanwhile."""
    row = db.execute(select(content).where(content.c.id == content_id)).one_or_none()
    if row is not None:
        text = Text(row.sha256, row.text, row.title, row.media_type)
        put_content(db, row.collection_id, text, chunking, chunks)


def commit_document(
    db: Connection, collection_id: str, file_id: str, attempt: str, text: Text, chunking: str,
    cuts: Mapping[str, Sequence[NewChunk]],
) -> Committed | None:  # fmt: skip
    """Make a parsed file searchable, all of it or nothing. None if a deletion or another attempt came in between.

    `cuts`: its chunks under its own `chunking`, and under those of generations. The status stays as it was until the
    indexes have their part too (`complete_document`); a start that finds it so goes through the file again.
    """
    row = get_document(db, collection_id, file_id)
    if row is None or row.attempt != attempt or row.status != "in_progress":
        return None
    places = {key: put_content(db, collection_id, text, key, chunks) for key, chunks in cuts.items()}
    own = places[chunking]
    values = {
        "content_id": own.content_id,
        "usage_bytes": len(text.text.encode()),
        "chunks_done": own.count,
        "chunks_total": own.count,
    }
    db.execute(_CHANGE, {**_at(collection_id, file_id), **values})
    if row.content_id not in (None, own.content_id):
        orphans.release(db, row.content_id, generations.view_keys(db, collection_id))
    return Committed(own, places, row.attributes)


def complete_document(db: Connection, collection_id: str, file_id: str, attempt: str) -> None:
    """A cancellation that came after the commit came too late."""
    where = {**_at(collection_id, file_id), "of_attempt": attempt}
    db.execute(_CHANGE_ATTEMPT, {**where, "status": "completed"})


def delete_document(db: Connection, collection_id: str, file_id: str) -> bool:
    row = get_document(db, collection_id, file_id)
    if row is None:
        return False
    db.execute(_NO_DOCUMENT, _at(collection_id, file_id))
    if row.content_id is not None:
        orphans.release(db, row.content_id, generations.view_keys(db, collection_id))
    return True


def set_attributes(db: Connection, collection_id: str, file_id: str, attributes: Mapping[str, AttributeValue]) -> None:
    db.execute(_CHANGE, {**_at(collection_id, file_id), "attributes": dict(attributes)})


def _at(collection_id: str, file_id: str) -> dict[str, Any]:
    return {"of_collection": collection_id, "of_file": file_id}
