"""Bodies of the routes of threads, as langgraph-sdk sends them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from server.langgraph.route import Limit, Offset, Query, Uuid
from server.langgraph.run_schema import Command
from server.openai.schema import Body, Json, Text

Status = Literal["idle", "busy", "interrupted", "error"]
ThreadField = Literal[
    "thread_id", "created_at", "updated_at", "state_updated_at", "metadata", "config", "context", "status", "values",
    "interrupts",
]  # fmt: skip


class Update(Body):
    values: Json | None = None
    command: Command | None = None
    as_node: Text | None = None


class Superstep(Body):
    updates: Annotated[list[Update], Field(min_length=1, max_length=100)]


class ThreadCreate(Body):
    thread_id: Uuid | None = None
    metadata: Json | None = None
    if_exists: Literal["raise", "do_nothing"] | None = None
    ttl: Any = None
    supersteps: Annotated[list[Superstep], Field(max_length=1_000)] | None = None


class ThreadPatch(Body):
    metadata: Json | None = None
    ttl: Any = None


class ThreadCount(Body):
    metadata: Json | None = None
    values: Json | None = None
    status: Status | None = None


class ThreadSearch(ThreadCount):
    ids: Annotated[list[Uuid], Field(max_length=1_000)] | None = None
    limit: Limit = 10
    offset: Offset = 0
    sort_by: Literal["thread_id", "status", "created_at", "updated_at", "state_updated_at"] | None = None
    sort_order: Literal["asc", "desc"] | None = None
    select: list[ThreadField] | None = None
    extract: Annotated[dict[Text, Text], Field(max_length=10)] | None = None


class ThreadPrune(Body):
    thread_ids: Annotated[list[Uuid], Field(max_length=1_000)]
    strategy: Literal["delete", "keep_latest"] = "delete"


class ThreadQuery(Query):
    include: Literal["ttl"] | None = None
