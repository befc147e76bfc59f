"""Runs stopped."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from server.errors import ApiError
from server.langgraph.removal import remove_runs, stop_runs
from server.langgraph.route import LangGraphRoute
from server.langgraph.run_rows import run_of
from server.langgraph.run_schema import ActionQuery, CancelQuery, RunsCancel
from server.services import services_of, tenant_of
from server.storage import runs

router = APIRouter(tags=["runs"], route_class=LangGraphRoute)


@router.post(
    "/threads/{thread_id}/runs/{run_id}/cancel", status_code=202, responses={204: {"description": "It has ended."}}
)
async def cancel_run(request: Request, thread_id: str, run_id: str, query: Annotated[CancelQuery, Query()]) -> Response:
    """`wait`: until it has ended. `action=rollback`: take back what it did, too."""
    services = services_of(request)
    row = await run_of(services, tenant_of(request), thread_id, run_id)
    if row.status not in runs.UNDER_WAY:
        # 404 as LangGraph's server has it, for clients that cancel a run which ends in that moment.
        raise ApiError(404, f"The run {run_id!r} is over.", param="run_id", code="run_over")
    if query.wait or query.action == "rollback" or not row.durable:
        await stop_runs(services, [row])
    else:
        services.runs.cancel(row.id)
    if query.action == "rollback":
        await remove_runs(services, [row])
    return Response(status_code=204 if query.wait else 202)


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
