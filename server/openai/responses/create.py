"""From the body of a response to its order, and to the row that it is kept as."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import Request

from server.errors import ApiError, bad_request
from server.ids import new_uuid
from server.openai.parts import parts_of
from server.openai.responses.asking import PARAMS, limits_of, sampling_of, wishes_of
from server.openai.responses.context import conversation_id_of, items_before, own_items
from server.openai.responses.file_search import renamed, target_of
from server.openai.responses.item_turns import turns_of
from server.openai.responses.shell import shell_of
from server.openai.turns import Turn, check_able, check_wishes, run_input
from server.runs.order import Order
from server.services import services_of, tenant_of
from tools.threads import on_a_thread

if TYPE_CHECKING:
    from server.openai.responses.schema import CreateResponse


@dataclass(frozen=True)
class New:
    """A response that is about to begin."""

    order: Order
    row: dict[str, Any]
    """The columns of `server.storage.tables.response`."""


async def new_response(request: Request, body: CreateResponse) -> New:
    """Raises ApiError for whatever is wrong with the request."""
    model, extension, fields = await asyncio.to_thread(target_of, body)
    try:
        parts = await parts_of(request, model, extension.model_copy(update={"limits": limits_of(body)}), body.user)
    except ApiError as error:
        raise renamed(error, fields) from None
    wishes = await on_a_thread(partial(wishes_of, body), "schemas of a request")
    check_wishes(parts.pipeline, PARAMS, wishes)
    services, tenant, run_id, thread_id = services_of(request), tenant_of(request), new_uuid(), new_uuid()
    response_id = f"resp_{run_id.replace('-', '')}"
    items = await own_items(services, tenant, body, response_id)
    before = await items_before(services, tenant, body)
    turns = _turns(body, before, items)
    try:
        input = run_input(turns, wishes, parts.pipeline, "input", parts.persona)
    except ApiError as error:
        raise _of_the_field(error, body) from None
    check_able(parts.backend, input, PARAMS)
    order = Order(
        tenant=tenant,
        pipeline=parts.pipeline,
        options=parts.options,
        input=input.model_copy(update={"memory": parts.memory, "user": parts.user}),
        sampling=sampling_of(body),
        limits=parts.limits,
        backend=parts.backend,
        collection=parts.collection,
        run_id=run_id,
        thread_id=thread_id,
        kind="response",
        metadata=body.metadata or {},
    )
    return New(order, _row(body, order, response_id, items))


def _turns(body: CreateResponse, before: list[tuple[str, Any]], items: list[Any]) -> list[Turn]:
    from backends.base import Message

    own = [("input" if isinstance(body.input, str) else f"input[{n}]", item) for n, item in enumerate(items)]
    turns = turns_of([*before, *own])
    if not turns:
        raise bad_request("'input' is missing: there is nothing to answer.", "input", "missing_required_parameter")
    if body.instructions:
        turns.insert(0, Turn("instructions", Message(role="system", content=body.instructions)))
    return turns


def _of_the_field(error: ApiError, body: CreateResponse) -> ApiError:
    """A text has no `.content`, and neither has what went before."""
    name = (error.param or "").partition(".")[0]
    if name not in ("previous_response_id", "conversation", "instructions", "input") or name == error.param:
        return error
    message = error.message.replace(str(error.param), name)
    return ApiError(error.status, message, param=name, code=error.code, type=error.type)


def _row(body: CreateResponse, order: Order, response_id: str, items: list[Any]) -> dict[str, Any]:
    created_at, conversation_id = time.time(), conversation_id_of(body)
    return {
        "id": response_id,
        "tenant": order.tenant,
        "run_id": order.run_id,
        "conversation_id": conversation_id,
        "previous_id": body.previous_response_id,
        "created_at": created_at,
        "background": bool(body.background),
        "shell": shell_of(body, response_id, created_at, conversation_id),
        "about": {
            "run_id": order.run_id,
            "thread_id": order.thread_id,
            "backend": order.backend.name,
            "generation": order.collection.generation_id if order.collection else None,
        },
        "include": list(body.include or ()),
        "items": items,
    }
