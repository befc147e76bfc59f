"""/runs: runs on threads of their own."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response

from server.langgraph.creation import begin
from server.langgraph.route import LangGraphRoute
from server.langgraph.run_begun import created, streamed
from server.langgraph.run_rows import run_of, shown
from server.langgraph.run_schema import RunCreate
from server.langgraph.waiting import wait
from server.services import services_of, tenant_of

router = APIRouter(tags=["runs"], route_class=LangGraphRoute)


MOST_AT_ONCE = 100


@router.post("/runs")
async def create_stateless_run(request: Request, body: RunCreate) -> JSONResponse:
    return await created(request, await begin(request, None, body))


@router.post("/runs/stream")
async def stream_stateless_run(request: Request, body: RunCreate) -> Response:
    return streamed(request, await begin(request, None, body), body)


@router.post("/runs/wait")
async def wait_stateless_run(request: Request, body: RunCreate) -> Response:
    order = await begin(request, None, body)
    return wait(services_of(request), order, cancels=body.on_disconnect == "cancel")


@router.post("/runs/batch")
async def create_batch(
    request: Request, body: Annotated[list[RunCreate], Field(min_length=1, max_length=MOST_AT_ONCE)]
) -> list[dict[str, Any]]:
    """Stateless runs, in the background. The first that cannot be begun ends it; those before it run."""
    services = services_of(request)
    orders = [await begin(request, None, one) for one in body]
    rows = [await run_of(services, tenant_of(request), None, order.run_id) for order in orders]
    return await services.database.read(lambda db: [shown(db, row) for row in rows])
