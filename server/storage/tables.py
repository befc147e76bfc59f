"""The tables of the service itself, beside those of retrieval: files, batches, threads, runs and their events."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Index, Integer, LargeBinary, String, Table, Text

from retrieval.tables import metadata

file = Table(
    "file",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("filename", String, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("sha256", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Index("file_by_age", "tenant", "created_at"),
)

file_batch = Table(
    "file_batch",
    metadata,
    Column("id", String, primary_key=True),
    Column("collection_id", String, nullable=False, index=True),
    Column("created_at", Float, nullable=False),
    Column("cancelled", Boolean, nullable=False),
)

thread = Table(
    "thread",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Index("thread_by_age", "tenant", "created_at"),
)

run = Table(
    "run",
    metadata,
    Column("id", String, primary_key=True),
    Column("thread_id", String, nullable=False, index=True),
    Column("tenant", String, nullable=False),
    Column("pipeline", String, nullable=False),
    Column("collection_id", String),
    Column("generation_id", String),
    Column("backend", String, nullable=False),
    Column("status", String, nullable=False, index=True),
    Column("input", JSON, nullable=False),
    Column("answer", Text),
    Column("created_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("durable", Boolean, nullable=False, server_default="0"),
    Column("order", JSON, nullable=False, server_default="{}"),
    Column("metadata", JSON, nullable=False, server_default="{}"),
)
"""`order`: what else it takes to run it again, as `server.runs.order` writes it; `metadata`: the client's own."""

assistant = Table(
    "assistant",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Index("assistant_by_age", "tenant", "created_at"),
)
"""`version`: the one in use."""

assistant_version = Table(
    "assistant_version",
    metadata,
    Column("assistant_id", String, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("pipeline", String, nullable=False),
    Column("name", String, nullable=False),
    Column("description", Text),
    Column("config", JSON, nullable=False),
    Column("context", JSON, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
)

store_item = Table(
    "store_item",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("namespace", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("value", JSON, nullable=False),
    Column("indexed", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
)
"""`namespace`: its labels joined by dots, which no label has. `indexed`: false, or the fields that a query looks at."""

memory_record = Table(
    "memory_record",
    metadata,
    Column("tenant", String, primary_key=True),
    Column("scope", String, primary_key=True),
    Column("owner", String, primary_key=True),
    Column("id", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("kind", String, nullable=False),
    Column("subject", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("last_access", Float, nullable=False),
    Column("importance", Float, nullable=False),
    Column("sources", JSON, nullable=False),
    Column("superseded_by", Integer),
    Column("forgotten", Boolean, nullable=False),
    Column("vector", LargeBinary),
    Column("embedded_by", String, nullable=False),
    Column("made_by", String, nullable=False),
)
"""`scope`: `user` or `thread`; `owner`: the user's name, or the thread's id."""

event = Table(
    "event",
    metadata,
    Column("run_id", String, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("type", String, nullable=False),
    Column("data", Text, nullable=False),
)

response = Table(
    "response",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("run_id", String, nullable=False),
    Column("conversation_id", String, index=True),
    Column("previous_id", String),
    Column("created_at", Float, nullable=False),
    Column("background", Boolean, nullable=False),
    Column("shell", JSON, nullable=False),
    Column("about", JSON, nullable=False),
    Column("include", JSON, nullable=False),
    Column("items", JSON, nullable=False),
    Column("final", JSON),
)
"""`shell`: the response before anything has happened; `items`: its own input; `final`: the response as it ended, made
from the run's events by whoever first needs it."""

conversation = Table(
    "conversation",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("metadata", JSON, nullable=False),
    Column("created_at", Float, nullable=False),
)

conversation_item = Table(
    "conversation_item",
    metadata,
    Column("id", String, primary_key=True),
    Column("conversation_id", String, ForeignKey("conversation.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("data", JSON, nullable=False),
)

training_job = Table(
    "training_job",
    metadata,
    Column("id", String, primary_key=True),
    Column("tenant", String, nullable=False),
    Column("status", String, nullable=False),
    Column("asked", JSON, nullable=False),
    Column("recipe", JSON, nullable=False),
    Column("metadata", JSON),
    Column("created_at", Float, nullable=False),
    Column("finished_at", Float),
    Column("fine_tuned_model", String),
    Column("result_file", String),
    Column("about", JSON),
    Column("error", JSON),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Index("training_job_by_age", "tenant", "created_at"),
)
"""`asked`: what the request said (model, files, suffix, hyperparameters); `about`: what came of it, as the model's own
`trained.json` says it."""

training_event = Table(
    "training_event",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("id", String, nullable=False),
    Column("job_id", ForeignKey("training_job.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("created_at", Float, nullable=False),
    Column("level", String, nullable=False),
    Column("type", String, nullable=False),
    Column("message", Text, nullable=False),
    Column("data", JSON, nullable=False),
    sqlite_autoincrement=True,
)
