"""/threads/{id}/runs and /runs: runs begun, watched, stopped."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response

from server.errors import ApiError
from server.langgraph import reading
from server.langgraph.creation import begin
from server.langgraph.removal import remove_runs, stop_runs
from server.langgraph.route import LangGraphRoute
from server.langgraph.run_rows import headers_of, listed, run_of, select_fields, shown
from server.langgraph.run_schema import (
    ActionQuery,
    CancelQuery,
    JoinQuery,
    RunCreate,
    RunsCancel,
    RunsQuery,
    StreamQuery,
    ThreadRunCreate,
    modes_of,
)
from server.langgraph.stream_modes import asked_modes
from server.langgraph.thread_rows import thread_of
from server.runs.order import Order
from server.services import services_of, tenant_of
from server.storage import runs

router = APIRouter(tags=["runs"], route_class=LangGraphRoute)
MOST_AT_ONCE = 100


@router.post("/threads/{thread_id}/runs")
async def create_run(request: Request, thread_id: str, body: ThreadRunCreate) -> JSONResponse:
    return await _created(request, await begin(request, thread_id, body))


@router.post("/threads/{thread_id}/runs/stream")
async def stream_run(request: Request, thread_id: str, body: ThreadRunCreate) -> Response:
    return _streamed(request, await begin(request, thread_id, body), body)


@router.post("/threads/{thread_id}/runs/wait")
async def wait_run(request: Request, thread_id: str, body: ThreadRunCreate) -> Response:
    order = await begin(request, thread_id, body)
    return reading.wait(services_of(request), order, cancels=body.on_disconnect == "cancel")


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


@router.post("/threads/{thread_id}/runs/{run_id}/cancel")
async def cancel_run(request: Request, thread_id: str, run_id: str, query: Annotated[CancelQuery, Query()]) -> Response:
    """`wait`: until it has ended. `action=rollback`: take back what it did, too."""
    services = services_of(request)
    row = await run_of(services, tenant_of(request), thread_id, run_id)
    if row.status not in runs.UNDER_WAY:
        raise ApiError(409, f"The run {run_id!r} is over.", param="run_id", code="run_over")
    if query.wait or query.action == "rollback" or not row.durable:
        await stop_runs(services, [row])
    else:
        services.runs.cancel(row.id)
    if query.action == "rollback":
        await remove_runs(services, [row])
    return Response(status_code=204 if query.wait else 202)


@router.get("/threads/{thread_id}/runs/{run_id}/join")
async def join_run(request: Request, thread_id: str, run_id: str, query: Annotated[JoinQuery, Query()]) -> Response:
    services = services_of(request)
    row = await run_of(services, tenant_of(request), thread_id, run_id)
    return reading.wait(services, row, cancels=query.cancel_on_disconnect)


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


@router.post("/runs")
async def create_stateless_run(request: Request, body: RunCreate) -> JSONResponse:
    return await _created(request, await begin(request, None, body))


@router.post("/runs/stream")
async def stream_stateless_run(request: Request, body: RunCreate) -> Response:
    return _streamed(request, await begin(request, None, body), body)


@router.post("/runs/wait")
async def wait_stateless_run(request: Request, body: RunCreate) -> Response:
    order = await begin(request, None, body)
    return reading.wait(services_of(request), order, cancels=body.on_disconnect == "cancel")


@router.post("/runs/batch")
async def create_batch(
    request: Request, body: Annotated[list[RunCreate], Field(min_length=1, max_length=MOST_AT_ONCE)]
) -> list[dict[str, Any]]:
    """Stateless runs, in the background. The first that cannot be begun ends it; those before it run."""
    services = services_of(request)
    orders = [await begin(request, None, one) for one in body]
    rows = [await run_of(services, tenant_of(request), None, order.run_id) for order in orders]
    return await services.database.read(lambda db: [shown(db, row) for row in rows])


@router.post("/runs/cancel", status_code=204)
async def cancel_runs(request: Request, body: RunsCancel, query: Annotated[ActionQuery, Query()]) -> Response:
    """Those named, or those of a status; waits for their ends."""
    services, tenant = services_of(request), tenant_of(request)
    if body.run_ids is None and body.status is None:
        message = "Name the runs by 'run_ids' (and 'thread_id'), or by 'status'."
        raise ApiError(422, message, param="run_ids", code="missing_required_parameter")
    found = await services.database.read(lambda db: runs.under_way(db, tenant, body.thread_id))
    wanted = {"pending": ("queued",), "running": ("running",)}.get(body.status or "", runs.UNDER_WAY)
    kept = [row for row in found if row.status in wanted and (body.run_ids is None or row.id in body.run_ids)]
    if body.run_ids is not None and not kept:
        raise ApiError(404, "None of these runs is under way.", param="run_ids", code="run_not_found")
    await stop_runs(services, kept)
    if query.action == "rollback":
        await remove_runs(services, kept)
    return Response(status_code=204)


async def _created(request: Request, order: Order) -> JSONResponse:
    services = services_of(request)
    row = await run_of(services, tenant_of(request), None, order.run_id)
    run = await services.database.read(lambda db: shown(db, row))
    return JSONResponse(run, headers=headers_of(order))


def _streamed(request: Request, order: Order, body: RunCreate) -> Response:
    return reading.stream(
        services_of(request),
        order,
        modes_of(body.stream_mode),
        subgraphs=bool(body.stream_subgraphs),
        cancels=body.on_disconnect == "cancel",
    )
