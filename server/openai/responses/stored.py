"""/v1/responses/{id}: responses that were kept, as they stand and as they came."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from server import sse
from server.errors import bad_request, not_found
from server.openai.responses.finals import fold_of, shown
from server.openai.responses.frames import frames, parsed
from server.openai.responses.listing import ItemsQuery, page_of
from server.openai.responses.schema import Includable
from server.services import services_of, tenant_of
from server.storage import responses

if TYPE_CHECKING:
    from sqlalchemy import Row

router = APIRouter(tags=["responses"])

CANCEL_SECONDS = 10.0
"""How long a cancellation waits for the run to say that it has ended."""


class RetrieveQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    stream: bool = False
    starting_after: Annotated[int, Field(ge=0, le=10**15)] | None = None
    include: Annotated[list[Includable], Field(alias="include[]", default_factory=list)]
    include_obfuscation: bool = False


@router.get("/v1/responses/{response_id}", response_model=None)
async def retrieve_response(
    request: Request, response_id: str, query: Annotated[RetrieveQuery, Query()]
) -> dict[str, Any] | Response:
    services, row = services_of(request), await existing(request, response_id)
    if query.starting_after is not None and not query.stream:
        raise bad_request("'starting_after' needs 'stream=true'.", "starting_after", "invalid_value")
    include = {*row.include, *query.include}
    if not query.stream:
        return await shown(services, row, include)
    after = -1 if query.starting_after is None else query.starting_after
    return sse.response(frames(fold_of(row, include), parsed(services.events.follow(row.run_id, 0)), after))


@router.delete("/v1/responses/{response_id}")
async def delete_response(request: Request, response_id: str) -> dict[str, Any]:
    row = await existing(request, response_id)
    await _stop(request, row)
    await services_of(request).database.write(lambda db: responses.delete_response(db, response_id))
    return {"id": response_id, "object": "response", "deleted": True}


@router.post("/v1/responses/{response_id}/cancel")
async def cancel_response(request: Request, response_id: str) -> dict[str, Any]:
    row = await existing(request, response_id)
    if not row.background:
        message = "Only a response in the background can be cancelled; end another by closing its connection."
        raise bad_request(message, "response_id", "invalid_value")
    await _stop(request, row)
    return await shown(services_of(request), row, row.include)


async def _stop(request: Request, row: Row[Any]) -> None:
    ending = services_of(request).runs.cancel(row.run_id)
    if ending is not None:
        await asyncio.wait([ending], timeout=CANCEL_SECONDS)


@router.get("/v1/responses/{response_id}/input_items")
async def list_input_items(request: Request, response_id: str, query: Annotated[ItemsQuery, Query()]) -> dict[str, Any]:
    row = await existing(request, response_id)
    return page_of(row.items, query)


async def existing(request: Request, response_id: str) -> Row[Any]:
    """Raises ApiError if the tenant has no such response."""
    tenant = tenant_of(request)
    row = await services_of(request).database.read(lambda db: responses.get_response(db, tenant, response_id))
    if row is None:
        raise not_found("response", response_id, "response_id")
    return row
