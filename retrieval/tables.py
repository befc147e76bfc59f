"""The tables of collections: documents and chunks are the truth, everything else can be made from them again.

document -> content: a file of a collection points to its parsed text. Two files with the same text (and chunking) share
one content, so the same text is never indexed twice. A content's chunks are written in one transaction, in order, so
their ids are one unbroken range. Chunk ids are never used twice (AUTOINCREMENT): an index on disk may be older than the
database, and comparing ids tells exactly what it lacks and what it must forget.

embedding: vectors by text, so that an ingest cut short goes on where it stopped, and two generations with one embedder
share their vectors.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

collection = Table(
    "collection",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("name", String, nullable=False),
    Column("description", String, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("last_active_at", Float, nullable=False),
    Column("expires_after_days", Integer),
    Column("active_generation", String, nullable=False),
    Index("collection_by_name", "tenant", "name"),
)

generation = Table(
    "generation",
    metadata,
    Column("id", String, primary_key=True),
    Column("collection_id", ForeignKey("collection.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("status", String, nullable=False),
    Column("index", String, nullable=False),
    Column("embedder", String, nullable=False),
    Column("chunking", JSON),
    Column("notes", JSON, nullable=False),
    Column("error", Text),
    Column("created_at", Float, nullable=False),
    Column("fingerprint", String),
    Column("dimension", Integer),
    Column("target_recall", Float),
    Column("knobs", JSON),
    Column("gate", JSON),
    Column("misses", JSON),
    Column("metrics", JSON),
    Column("attempts", Integer, nullable=False, server_default="0"),
)

judgment = Table(
    "judgment",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("collection_id", ForeignKey("collection.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("query", Text, nullable=False),
    Column("file_id", String, nullable=False),
    Column("start", Integer),
    Column("end", Integer),
    Column("grade", Integer, nullable=False),
    sqlite_autoincrement=True,
)

content = Table(
    "content",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("collection_id", ForeignKey("collection.id", ondelete="CASCADE"), nullable=False),
    Column("sha256", String, nullable=False),
    Column("chunking", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("media_type", String, nullable=False),
    UniqueConstraint("collection_id", "sha256", "chunking"),
    sqlite_autoincrement=True,
)

document = Table(
    "document",
    metadata,
    Column("collection_id", ForeignKey("collection.id", ondelete="CASCADE"), primary_key=True),
    Column("file_id", String, primary_key=True, index=True),
    Column("filename", String, nullable=False),
    Column("status", String, nullable=False, index=True),
    Column("error_code", String),
    Column("error_message", Text),
    Column("attributes", JSON, nullable=False),
    Column("chunking", JSON, nullable=False),
    Column("batch_id", String, index=True),
    Column("created_at", Float, nullable=False),
    Column("attempt", String, nullable=False),
    Column("content_id", ForeignKey("content.id"), index=True),
    Column("usage_bytes", Integer, nullable=False),
    Column("chunks_done", Integer, nullable=False),
    Column("chunks_total", Integer, nullable=False),
)

chunk = Table(
    "chunk",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("content_id", ForeignKey("content.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("collection_id", String, nullable=False, index=True),
    Column("chunking", String, nullable=False),
    Column("start", Integer, nullable=False),
    Column("end", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("text_sha256", LargeBinary, nullable=False, index=True),
    sqlite_autoincrement=True,
)

embedding = Table(
    "embedding",
    metadata,
    Column("fingerprint", String, primary_key=True),
    Column("text_sha256", LargeBinary, primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)
