"""/assistants/{id}/graph, /schemas, /subgraphs: what a pipeline looks like, and what it takes and gives."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import create_model

from agents.state_update import state_keys
from server.langgraph.assistant_schema import GraphQuery, SubgraphsQuery
from server.langgraph.known_assistants import find_assistant
from server.langgraph.route import LangGraphRoute
from server.langgraph.run_settings import RunSettings
from server.langgraph.values import as_json
from server.resolve import pipeline_of
from server.services import services_of, tenant_of

if TYPE_CHECKING:
    from langgraph.graph import StateGraph

    from agents.pipeline import Pipeline
    from agents.thread import Graph

router = APIRouter(tags=["assistants"], route_class=LangGraphRoute)

MESSAGES = {
    "type": "array",
    "title": "Messages",
    "description": "The conversation in LangChain's form.",
    "items": {
        "type": "object",
        "properties": {
            "type": {"type": "string", "enum": ["human", "ai", "system"]},
            "content": {"anyOf": [{"type": "string"}, {"type": "array"}]},
            "id": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["type", "content"],
    },
}
INPUT = {
    "title": "Input",
    "type": "object",
    "description": "A question, or messages of which the last one is the question.",
    "properties": {
        "question": {"type": "string", "title": "Question"},
        "history": {**MESSAGES, "title": "History", "description": "The turns before the question."},
        "messages": MESSAGES,
    },
    "additionalProperties": False,
}


@router.get("/assistants/{assistant_id}/graph")
async def get_graph(request: Request, assistant_id: str, query: Annotated[GraphQuery, Query()]) -> dict[str, Any]:
    """Nodes and edges. `xray`: the graphs within steps too, to a depth."""
    _, graph = await _graph(request, assistant_id)
    drawn = await asyncio.to_thread(graph.get_graph, xray=query.xray)
    shown: dict[str, Any] = as_json(drawn.to_json())
    return shown


@router.get("/assistants/{assistant_id}/schemas")
async def get_schemas(request: Request, assistant_id: str) -> dict[str, Any]:
    pipeline, _ = await _graph(request, assistant_id)
    return await asyncio.to_thread(_schemas, pipeline)


@router.get("/assistants/{assistant_id}/subgraphs")
async def get_subgraphs(
    request: Request, assistant_id: str, query: Annotated[SubgraphsQuery, Query()]
) -> dict[str, Any]:
    """The schemas of the graphs within steps, by the names of these."""
    return await _subgraphs(request, assistant_id, None, recurse=query.recurse)


@router.get("/assistants/{assistant_id}/subgraphs/{namespace}")
async def get_subgraph(
    request: Request, assistant_id: str, namespace: str, query: Annotated[SubgraphsQuery, Query()]
) -> dict[str, Any]:
    return await _subgraphs(request, assistant_id, namespace, recurse=query.recurse)


async def _subgraphs(request: Request, assistant_id: str, namespace: str | None, *, recurse: bool) -> dict[str, Any]:
    _, graph = await _graph(request, assistant_id)
    found = graph.get_subgraphs(namespace=namespace, recurse=recurse)
    return {name: await asyncio.to_thread(_nested, name, inner) for name, inner in found}


async def _graph(request: Request, assistant_id: str) -> tuple[Pipeline, Graph]:
    services = services_of(request)
    assistant = await find_assistant(services, tenant_of(request), assistant_id)
    pipeline = await pipeline_of(assistant.graph_id)
    return pipeline, await services.checkpoints.graph(pipeline)


def _schemas(pipeline: Pipeline) -> dict[str, Any]:
    settings = RunSettings.model_json_schema()
    options = pipeline.options.model_json_schema()
    settings["$defs"] = {**settings.get("$defs", {}), **options.pop("$defs", {}), "Options": options}
    settings["properties"]["options"] = {"$ref": "#/$defs/Options", "description": "The pipeline's own options."}
    settings["title"] = "Settings"
    state = _state(pipeline.graph)
    state = {**state, "properties": {**state.get("properties", {}), "messages": MESSAGES}}
    return {
        "graph_id": pipeline.name,
        "input_schema": INPUT,
        "output_schema": state,
        "state_schema": state,
        "config_schema": settings,
        "context_schema": settings,
    }


def _nested(name: str, graph: Any) -> dict[str, Any]:
    state = _state(graph.builder)
    nothing = {"config_schema": None, "context_schema": None}
    return {"graph_id": name, "input_schema": state, "output_schema": state, "state_schema": state, **nothing}


def _state(graph: StateGraph[Any, Any, Any, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {key: (hint, None) for key, hint in state_keys(graph).items()}
    schema: dict[str, Any] = create_model("State", **fields).model_json_schema()
    return schema
