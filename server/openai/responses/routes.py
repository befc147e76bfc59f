"""/v1/responses: a pipeline's answer as a thing that is kept, followed and continued."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from agents.events import Event, RunFailed
from server import sse
from server.disconnect import unless_gone
from server.errors import ApiError
from server.openai.responses.asking import PARAMS
from server.openai.responses.create import New, new_response
from server.openai.responses.fold import Fold
from server.openai.responses.frames import begun_of, chain, frames, parsed
from server.openai.responses.schema import CreateResponse, refuse_unsupported
from server.run_errors import from_failure
from server.services import services_of
from server.storage import responses

if TYPE_CHECKING:
    from server.services import Services

router = APIRouter(tags=["responses"])


@router.post("/v1/responses", response_model=None)
async def create_response(request: Request, body: CreateResponse) -> dict[str, Any] | Response:
    refuse_unsupported(body)
    new = await new_response(request, body)
    kept = body.store is not False
    if kept:
        await _keep(request, new)
    try:
        if body.background:
            return await _in_the_background(request, new, stream=bool(body.stream))
        return await _in_the_foreground(request, new, stream=bool(body.stream), kept=kept)
    except ApiError:
        # A run that never began leaves no response behind; one that failed does.
        await services_of(request).database.write(lambda db: responses.drop_if_runless(db, new.row["id"]))
        raise


async def _keep(request: Request, new: New) -> None:
    try:
        await services_of(request).database.write(lambda db: responses.add_response(db, new.row))
    except responses.ConversationBusy as busy:
        message = f"The response {busy} is still being made on this conversation: wait for it, or cancel it."
        raise ApiError(409, message, param="conversation", code="conversation_locked") from None


def _fold(new: New) -> Fold:
    return Fold(new.row["shell"], new.row["about"], frozenset(new.row["include"]))


async def _in_the_background(request: Request, new: New, *, stream: bool) -> dict[str, Any] | Response:
    services, fold = services_of(request), _fold(new)
    await services.runs.submit(new.order)
    if not stream:
        return fold.snapshot()
    return sse.response(frames(fold, parsed(services.events.follow(new.order.run_id, 0)), -1))


async def _in_the_foreground(request: Request, new: New, *, stream: bool, kept: bool) -> dict[str, Any] | Response:
    services, fold = services_of(request), _fold(new)
    events = services.runs.execute(new.order)
    if not stream:
        return await unless_gone(request, _whole(fold, events))
    begun = await unless_gone(request, begun_of(events))
    if kept:
        await _stored(services, events)
    return sse.response(frames(fold, chain(begun, events), -1))


async def _stored(services: Services, events: AsyncGenerator[Event]) -> None:
    """Wait until the run is: who is told of a response finds it again, even if the process is killed in the middle."""
    try:
        await services.events.flush()
    except BaseException:
        await events.aclose()
        raise


async def _whole(fold: Fold, events: AsyncGenerator[Event]) -> dict[str, Any]:
    async with aclosing(events) as told:
        async for event in told:
            fold.feed(event)
            if isinstance(event, RunFailed):
                raise from_failure(event, PARAMS)
    return fold.snapshot()
