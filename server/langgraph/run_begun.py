"""What is answered when a run has been begun."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import JSONResponse, Response

from server.langgraph import reading
from server.langgraph.run_rows import headers_of, run_of, shown
from server.langgraph.run_schema import RunCreate
from server.langgraph.run_support import modes_of
from server.runs.order import Order
from server.services import services_of, tenant_of


async def created(request: Request, order: Order) -> JSONResponse:
    services = services_of(request)
    row = await run_of(services, tenant_of(request), None, order.run_id)
    run = await services.database.read(lambda db: shown(db, row))
    return JSONResponse(run, headers=headers_of(order))


def streamed(request: Request, order: Order, body: RunCreate) -> Response:
    return reading.stream(
        services_of(request),
        order,
        modes_of(body.stream_mode),
        subgraphs=bool(body.stream_subgraphs),
        cancels=body.on_disconnect == "cancel",
    )
