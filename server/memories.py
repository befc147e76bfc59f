"""/v1/memories: what is remembered of a user or a thread: listed, exported, forgotten, erased."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from agents.memory.recalling import forget
from agents.memory.record import Owner, Record
from server.errors import bad_request
from server.memory import LONGEST_USER
from server.memory_export import MEDIA_TYPES, exported
from server.openai.paging import page_object
from server.openai.schema import UNICODE, Body, Text
from server.services import services_of, tenant_of

router = APIRouter(tags=["memory"])
User = Annotated[str, Field(min_length=1, max_length=LONGEST_USER)]


class Whose(BaseModel):
    model_config = ConfigDict(extra="forbid")
    user: User | None = None
    thread_id: Annotated[str, Field(min_length=1)] | None = None


class ListQuery(Whose):
    limit: Annotated[int, Field(ge=1, le=1_000)] = 100
    after: Annotated[int, Field(ge=0)] = 0


class ExportQuery(Whose):
    format: Literal["natural", "embeddings", "rows", "list"] = "list"


class Forget(Body):
    user: Annotated[str, Field(min_length=1, max_length=LONGEST_USER), UNICODE] | None = None
    thread_id: Text | None = None
    what: Annotated[str, Field(min_length=1, max_length=2_000), UNICODE]


@router.get("/v1/memories")
async def list_memories(request: Request, query: Annotated[ListQuery, Query()]) -> dict[str, Any]:
    """By number, the superseded ones too."""
    shelf = await services_of(request).archive.shelf(owner_of(request, query.user, query.thread_id))
    found = [one for id, one in sorted(shelf.records.items()) if not one.forgotten and id > query.after]
    return page_object(found[: query.limit], len(found) > query.limit, record_object)


@router.get("/v1/memories/export")
async def export_memories(request: Request, query: Annotated[ExportQuery, Query()]) -> Response:
    """Everything, in one of the formats; `embeddings` has the vectors."""
    kept = await services_of(request).archive.store.load(owner_of(request, query.user, query.thread_id))
    live = [one for one in kept if not one.record.forgotten]
    text = await asyncio.to_thread(exported, live, query.format)
    return Response(text, media_type=MEDIA_TYPES[query.format])


@router.post("/v1/memories/forget")
async def forget_memories(request: Request, body: Forget) -> dict[str, Any]:
    """As when the user asks for it in a message."""
    gone = await forget(services_of(request).archive, owner_of(request, body.user, body.thread_id), body.what)
    return {"object": "memory.forgotten", "ids": sorted(record.id for record in gone)}


@router.delete("/v1/memories")
async def erase_memories(request: Request, query: Annotated[Whose, Query()]) -> dict[str, Any]:
    """All of it; nothing is left, not even the numbers."""
    owner = owner_of(request, query.user, query.thread_id)
    await services_of(request).archive.erase(owner)
    return {"object": "memory.erased", "id": owner.name, "deleted": True}


def owner_of(request: Request, user: str | None, thread_id: str | None) -> Owner:
    """Raises ApiError unless exactly one is named."""
    if (user is None) == (thread_id is None):
        raise bad_request("Whose memory? Name 'user' or 'thread_id', one of them.", "user", "invalid_value")
    tenant = tenant_of(request)
    return Owner(tenant, "user", user) if user is not None else Owner(tenant, "thread", thread_id or "")


def record_object(record: Record) -> dict[str, Any]:
    about = record.model_dump(mode="json", exclude={"forgotten"})
    return {**about, "id": str(record.id), "object": "memory.record"}
