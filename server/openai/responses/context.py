"""What went before a response: the responses that it follows, or the items of its conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from server.errors import ApiError, bad_request
from server.openai.responses.finals import final_of, settle_conversation
from server.openai.responses.item_ids import PREFIXES, input_id, response_of
from server.openai.responses.item_schema import MessageItem, Reference
from server.openai.responses.items import Kept, kept
from server.storage import conversations, responses

if TYPE_CHECKING:
    from server.openai.responses.item_schema import (
        CallItem,
        CallOutputItem,
        OtherItem,
        QuestionItem,
        ReasoningItem,
        SearchItem,
    )
    from server.openai.responses.schema import CreateResponse
    from server.services import Services

    Given = MessageItem | CallItem | CallOutputItem | ReasoningItem | SearchItem | QuestionItem | OtherItem | Reference


def conversation_id_of(body: CreateResponse) -> str | None:
    given = body.conversation
    return given if given is None or isinstance(given, str) else given.id


async def items_before(services: Services, tenant: str, body: CreateResponse) -> list[tuple[str, Kept]]:
    """Each with the field of the request that brought it in. Raises ApiError."""
    conversation_id = conversation_id_of(body)
    if conversation_id is not None:
        found = await services.database.read(lambda db: conversations.get_conversation(db, tenant, conversation_id))
        if found is None:
            message = f"No conversation with id {conversation_id!r}."
            raise ApiError(404, message, param="conversation", code="not_found")
        await settle_conversation(services, conversation_id)
        items = await services.database.read(lambda db: conversations.items_of(db, conversation_id))
        return [("conversation", item) for item in items]
    if body.previous_response_id is not None:
        return await _followed(services, tenant, body.previous_response_id)
    return []


async def _followed(services: Services, tenant: str, previous_id: str) -> list[tuple[str, Kept]]:
    where = "previous_response_id"
    rows = await services.database.read(lambda db: responses.chain(db, tenant, previous_id))
    if not rows:
        message = f"No response with id {previous_id!r}; responses with 'store': false are not kept."
        raise ApiError(404, message, param=where, code="previous_response_not_found")
    if rows[-1].conversation_id is not None:
        message = f"The response {previous_id!r} belongs to {rows[-1].conversation_id!r}: send that as 'conversation'."
        raise bad_request(message, where, "invalid_value")
    items: list[Kept] = []
    for row in rows:
        final = await final_of(services, row)
        if final is None:
            raise bad_request(f"The response {row.id!r} is still being made.", where, "response_in_progress")
        items += [*row.items, *final["output"]]
    return [(where, item) for item in items]


async def own_items(services: Services, tenant: str, body: CreateResponse, response_id: str) -> list[Kept]:
    """The request's input as it is kept. Raises ApiError."""
    given: list[Given] = []
    if isinstance(body.input, str):
        given = [MessageItem(role="user", content=body.input)]
    elif body.input is not None:
        given = list(body.input)
    return [
        await _kept(services, tenant, item, response_id, n, "input" if isinstance(body.input, str) else f"input[{n}]")
        for n, item in enumerate(given)
    ]


async def _kept(services: Services, tenant: str, item: Given, response_id: str, place: int, where: str) -> Kept:
    if not isinstance(item, Reference):
        return kept(item, input_id(_kind(item), response_id, place), where)
    found = await referred(services, tenant, item.id)
    if found is None:
        message = f"No item with id {item.id!r} among your responses and conversations."
        raise ApiError(404, message, param=f"{where}.id", code="not_found")
    return {**found, "id": input_id(found["type"], response_id, place)}


def _kind(item: Given) -> str:
    return item.type if item.type in PREFIXES else "message"


async def referred(services: Services, tenant: str, item_id: str) -> Kept | None:
    """An item of the tenant's responses or conversations."""
    found = await services.database.read(lambda db: conversations.item_anywhere(db, tenant, item_id))
    if found is not None:
        return found
    row = await services.database.read(lambda db: responses.get_response(db, tenant, response_of(item_id)))
    if row is None:
        return None
    final = await final_of(services, row) or {"output": []}
    return next((item for item in [*row.items, *final["output"]] if item["id"] == item_id), None)
