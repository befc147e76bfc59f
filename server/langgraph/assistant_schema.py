"""Bodies of the routes of assistants, as langgraph-sdk sends them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from server.langgraph.route import Limit, Offset, Query, Uuid
from server.openai.schema import UNICODE, Body, Json, Text

Name = Annotated[str, StringConstraints(min_length=1, max_length=512), UNICODE]
Field_ = Literal[
    "assistant_id", "graph_id", "name", "description", "config", "context", "created_at", "updated_at", "metadata",
    "version",
]  # fmt: skip


class Config(Body):
    tags: list[Text] | None = None
    recursion_limit: Annotated[int, Field(ge=1, le=10_000)] | None = None
    configurable: Json | None = None
    metadata: Json | None = None


class AssistantCreate(Body):
    graph_id: Name
    assistant_id: Uuid | None = None
    config: Config | None = None
    context: Json | None = None
    metadata: Json | None = None
    if_exists: Literal["raise", "do_nothing"] | None = None
    name: Name | None = None
    description: Text | None = None


class AssistantPatch(Body):
    graph_id: Name | None = None
    config: Config | None = None
    context: Json | None = None
    metadata: Json | None = None
    name: Name | None = None
    description: Text | None = None


class AssistantCount(Body):
    metadata: Json | None = None
    graph_id: Text | None = None
    name: Text | None = None


class AssistantSearch(AssistantCount):
    limit: Limit = 10
    offset: Offset = 0
    sort_by: Literal["assistant_id", "graph_id", "name", "created_at", "updated_at"] | None = None
    sort_order: Literal["asc", "desc"] | None = None
    select: list[Field_] | None = None


class VersionsSearch(Body):
    metadata: Json | None = None
    limit: Limit = 10
    offset: Offset = 0


class VersionChange(Body):
    version: Annotated[int, Field(ge=1, le=2**31)]


class DeleteQuery(Query):
    delete_threads: bool = False


class GraphQuery(Query):
    xray: bool | Annotated[int, Field(ge=0, le=100)] = False


class SubgraphsQuery(Query):
    recurse: bool = False
