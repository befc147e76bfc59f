"""/threads/{id}/runs and /runs: runs begun, watched, stopped."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from server.errors import ApiError
from server.langgraph import reading
from server.langgraph.creation import begin
from server.langgraph.route import LangGraphRoute
from server.langgraph.run_begun import created, streamed
from server.langgraph.run_rows import listed, run_of, select_fields, shown
from server.langgraph.run_schema import (
    JoinQuery,
    RunsQuery,
    StreamQuery,
    ThreadRunCreate,
)
from server.langgraph.stream_modes import asked_modes
from server.langgraph.thread_rows import thread_of
from server.langgraph.waiting import wait
from server.services import services_of, tenant_of
from server.storage import runs

router = APIRouter(tags=["runs"], route_class=LangGraphRoute)


@router.post("/threads/{thread_id}/runs")
async def create_run(request: Request, thread_id: str, body: ThreadRunCreate) -> JSONResponse:
    return await created(request, await begin(request, thread_id, body))


@router.post("/threads/{thread_id}/runs/stream")
async def stream_run(request: Request, thread_id: str, body: ThreadRunCreate) -> Response:
    return streamed(request, await begin(request, thread_id, body), body)


@router.post("/threads/{thread_id}/runs/wait")
async def wait_run(request: Request, thread_id: str, body: ThreadRunCreate) -> Response:
    order = await begin(request, thread_id, body)
    return wait(services_of(request), order, cancels=body.on_disconnect == "cancel")


@router.get("/threads/{thread_id}/runs")
async def list_runs(request: Request, thread_id: str, query: Annotated[RunsQuery, Query()]) -> list[dict[str, Any]]:
    services, tenant = services_of(request), tenant_of(request)
    row = await thread_of(services, tenant, thread_id)
    found = await listed(services, tenant, row.id, query.status, query.limit, query.offset)
    return [select_fields(one, query.select) for one in found]


@router.get("/threads/{thread_id}/runs/{run_id}")
async def get_run(request: Request, thread_id: str, run_id: str) -> dict[str, Any]:
    services = services_of(request)
    row = await run_of(services, tenant_of(request), thread_id, run_id)
    return await services.database.read(lambda db: shown(db, row))


@router.delete("/threads/{thread_id}/runs/{run_id}", status_code=204)
async def delete_run(request: Request, thread_id: str, run_id: str) -> Response:
    """With its trace; the states that it left stay with the thread."""
    services = services_of(request)
    row = await run_of(services, tenant_of(request), thread_id, run_id)
    if row.status in runs.UNDER_WAY:
        raise ApiError(409, f"The run {run_id!r} is not over: cancel it first.", param="run_id", code="run_under_way")
    await services.database.write(lambda db: runs.remove_run(db, row.id))
    return Response(status_code=204)


@router.get("/threads/{thread_id}/runs/{run_id}/join")
async def join_run(request: Request, thread_id: str, run_id: str, query: Annotated[JoinQuery, Query()]) -> Response:
    services = services_of(request)
    row = await run_of(services, tenant_of(request), thread_id, run_id)
    return wait(services, row, cancels=query.cancel_on_disconnect)


@router.get("/threads/{thread_id}/runs/{run_id}/stream")
async def join_stream(
    request: Request, thread_id: str, run_id: str, query: Annotated[StreamQuery, Query()]
) -> Response:
    """From the beginning, or after `Last-Event-ID`; in the modes of the run, unless others are asked for."""
    services = services_of(request)
    row = await run_of(services, tenant_of(request), thread_id, run_id)
    asked = row.order.get("request", {})
    return reading.stream(
        services,
        row,
        asked_modes(query.stream_mode) or asked.get("stream_mode") or ["values"],
        subgraphs=bool(asked.get("stream_subgraphs")),
        after=request.headers.get("last-event-id"),
        cancels=query.cancel_on_disconnect,
    )
