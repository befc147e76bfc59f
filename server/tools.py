"""The tools by themselves: which there are, and one call as an agent would make it."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict, replace
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field

from server.disconnect import unless_gone
from server.errors import ApiError, bad_request
from server.ids import new_uuid
from server.openai.schema import Body, Json, Text
from server.openai.search import hit_object
from server.resolve import resolve_collection
from server.services import services_of, tenant_of
from server.tool_context import asking, tool_context
from tools.base import Context, Tool
from tools.perform import perform

router = APIRouter(tags=["tools"])


class Call(Body):
    arguments: Text | Json = "{}"
    """JSON text, as a model writes it, or the object itself."""
    collection: Text | None = None
    k: Annotated[int, Field(ge=1, le=50)] = 5
    backend: Text | None = None
    """For a tool that asks a language model; None: the default."""


@router.get("/v1/tools")
async def list_tools(request: Request) -> dict[str, Any]:
    services = services_of(request)
    tools = await asyncio.to_thread(lambda: [*services.tools.values()])
    return {"object": "list", "data": [_described(tool, services.reach) for tool in tools]}


@router.post("/v1/tools/{name}/call")
async def call_tool(request: Request, name: str, body: Call) -> dict[str, Any]:
    services = services_of(request)
    if name not in services.tools:
        message = f"No tool {name!r}; there are {', '.join(services.tools)}."
        raise ApiError(404, message, param="name", code="tool_not_found")
    tool = await asyncio.to_thread(services.tools.__getitem__, name)
    retriever = None
    if body.collection is not None:
        collection_id = await resolve_collection(services, tenant_of(request), body.collection, "collection")
        retriever = await services.collections.get(collection_id)
    elif lacking := tool.lacks_documents(services.reach, searching=False):
        raise bad_request(
            f"The tool {name!r} needs a 'collection'{lacking.removeprefix('collection')}.",
            "collection",
            "collection_required",
        )
    arguments = body.arguments if isinstance(body.arguments, str) else json.dumps(body.arguments)
    began = time.perf_counter()
    tenant = tenant_of(request)
    if body.backend is not None:
        await services.backends.get(body.backend)
    ask = asking(services, body.backend, tenant)
    context = replace(tool_context(services, tenant), key=new_uuid(), retriever=retriever, k=body.k, ask=ask)
    outcome = await unless_gone(request, perform(tool, arguments, context))
    return {
        "object": "tool.call",
        "tool": name,
        "output": outcome.text,
        "fault": outcome.fault,
        "hits": [hit_object(hit, None) for hit in outcome.hits],
        "artifacts": [asdict(made) for made in outcome.artifacts],
        "seconds": round(time.perf_counter() - began, 4),
    }


def _described(tool: Tool, reach: Context) -> dict[str, Any]:
    return {
        "object": "tool",
        **tool.spec.model_dump(mode="json"),
        "read_only": tool.read_only,
        "needs_approval": tool.needs_approval,
        "needs_collection": bool(tool.lacks_documents(reach, searching=False)),
        "unavailable": reach.no_sandbox if tool.needs_sandbox and reach.sandbox is None else None,
        "seconds": tool.seconds,
    }
