"""Lists and small things that the routes of the LangGraph API answer, as models for /openapi.json."""

from __future__ import annotations

from typing import Any

from pydantic import RootModel

from server.langgraph.shapes import AssistantObject, Json, StateObject, ThreadRun
from server.shapes import Shape


class StoreItem(Shape):
    namespace: list[str]
    key: str
    value: Json
    created_at: str
    updated_at: str
    score: float = 0.0
    """Only of a search by `query`."""


class StoreItems(Shape):
    items: list[StoreItem]


class Namespaces(Shape):
    namespaces: list[list[str]]


class GraphDrawing(Shape):
    nodes: list[Json]
    edges: list[Json]


class GraphSchemas(Shape):
    graph_id: str
    input_schema: Json | None
    output_schema: Json | None
    state_schema: Json | None
    config_schema: Json | None
    context_schema: Json | None


class ServerInfo(Shape):
    version: str
    name: str
    flags: Json
    metadata: Json


class ServerOk(Shape):
    ok: bool


class Pruned(Shape):
    pruned_count: int


class Count(RootModel[int]): ...


class Listed(RootModel[list[Json]]):
    """Whole objects, or the fields that were asked for."""


class Versions(RootModel[list[AssistantObject]]): ...


class Subgraphs(RootModel[dict[str, GraphSchemas]]): ...


class States(RootModel[list[StateObject]]): ...


class Runs(RootModel[list[ThreadRun]]): ...


class Values(RootModel[dict[str, Any]]):
    """The values of a run; with `__interrupt__` if it waits, `__error__` if it failed."""
