"""/v1/conversations/{id}/items: what was said in a conversation, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from server.errors import not_found
from server.openai.responses.conversations import conversation_object, existing
from server.openai.responses.finals import ALL, item_without, settle_conversation
from server.openai.responses.listing import ItemsQuery, list_of, page_of
from server.openai.responses.new_items import CreateItems, new_items
from server.openai.responses.schema import Includable
from server.services import services_of
from server.storage import conversations

if TYPE_CHECKING:
    from sqlalchemy import Row

router = APIRouter(tags=["conversations"])


class IncludeQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    include: Annotated[list[Includable], Field(alias="include[]", default_factory=list)]


@router.post("/v1/conversations/{conversation_id}/items")
async def create_items(
    request: Request, conversation_id: str, body: CreateItems, query: Annotated[IncludeQuery, Query()]
) -> dict[str, Any]:
    await _grown(request, conversation_id)
    items = await new_items(request, body.items)
    await services_of(request).database.write(lambda db: conversations.add_items(db, conversation_id, items))
    return list_of(items, query.include)


@router.get("/v1/conversations/{conversation_id}/items")
async def list_items(request: Request, conversation_id: str, query: Annotated[ItemsQuery, Query()]) -> dict[str, Any]:
    await _grown(request, conversation_id)
    items = await services_of(request).database.read(lambda db: conversations.items_of(db, conversation_id))
    return page_of(items, query)


@router.get("/v1/conversations/{conversation_id}/items/{item_id}")
async def retrieve_item(
    request: Request, conversation_id: str, item_id: str, query: Annotated[IncludeQuery, Query()]
) -> dict[str, Any]:
    await _grown(request, conversation_id)
    item = await services_of(request).database.read(lambda db: conversations.get_item(db, conversation_id, item_id))
    if item is None:
        raise not_found("item", item_id, "item_id")
    return item_without(item, ALL - set(query.include))


@router.delete("/v1/conversations/{conversation_id}/items/{item_id}")
async def delete_item(request: Request, conversation_id: str, item_id: str) -> dict[str, Any]:
    row = await _grown(request, conversation_id)
    gone = await services_of(request).database.write(lambda db: conversations.delete_item(db, conversation_id, item_id))
    if not gone:
        raise not_found("item", item_id, "item_id")
    return conversation_object(row)


async def _grown(request: Request, conversation_id: str) -> Row[Any]:
    """The conversation, with the responses that have ended on it. Raises ApiError."""
    row = await existing(request, conversation_id)
    await settle_conversation(services_of(request), conversation_id)
    return row
