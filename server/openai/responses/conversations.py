"""/v1/conversations: items in order, which responses read and add to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field

from server.errors import not_found
from server.ids import new_id
from server.openai.responses.item_schema import Item
from server.openai.responses.new_items import MOST_AT_ONCE, new_items
from server.openai.schema import Body, Metadata
from server.services import services_of, tenant_of
from server.storage import conversations

if TYPE_CHECKING:
    from sqlalchemy import Row


router = APIRouter(tags=["conversations"])


class CreateConversation(Body):
    items: Annotated[list[Item], Field(max_length=MOST_AT_ONCE)] | None = None
    metadata: Metadata | None = None


class UpdateConversation(Body):
    metadata: Metadata | None


def conversation_object(row: Row[Any]) -> dict[str, Any]:
    about = {"created_at": int(row.created_at), "metadata": row.metadata}
    return {"id": row.id, "object": "conversation", **about}


@router.post("/v1/conversations")
async def create_conversation(request: Request, body: CreateConversation) -> dict[str, Any]:
    id, tenant, items = new_id("conv_"), tenant_of(request), await new_items(request, body.items or ())
    metadata = body.metadata or {}
    await services_of(request).database.write(
        lambda db: conversations.add_conversation(db, id, tenant, metadata, items)
    )
    return conversation_object(await existing(request, id))


@router.get("/v1/conversations/{conversation_id}")
async def retrieve_conversation(request: Request, conversation_id: str) -> dict[str, Any]:
    return conversation_object(await existing(request, conversation_id))


@router.post("/v1/conversations/{conversation_id}")
async def update_conversation(request: Request, conversation_id: str, body: UpdateConversation) -> dict[str, Any]:
    await existing(request, conversation_id)
    metadata = body.metadata or {}
    await services_of(request).database.write(lambda db: conversations.set_metadata(db, conversation_id, metadata))
    return conversation_object(await existing(request, conversation_id))


@router.delete("/v1/conversations/{conversation_id}")
async def delete_conversation(request: Request, conversation_id: str) -> dict[str, Any]:
    await existing(request, conversation_id)
    await services_of(request).database.write(lambda db: conversations.delete_conversation(db, conversation_id))
    return {"id": conversation_id, "object": "conversation.deleted", "deleted": True}


async def existing(request: Request, conversation_id: str) -> Row[Any]:
    """Raises ApiError if the tenant has no such conversation."""
    tenant = tenant_of(request)
    found = await services_of(request).database.read(
        lambda db: conversations.get_conversation(db, tenant, conversation_id)
    )
    if found is None:
        raise not_found("conversation", conversation_id, "conversation_id")
    return found
