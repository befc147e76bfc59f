"""A sandbox for services elsewhere, over HTTP: three routes, no data, no model. `tools.sandbox.remote` speaks to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from starlette.routing import Route

from server import errors
from server.access import Authentication, BodyLimit
from server.disconnect import unless_gone
from server.envelope import CatchAll
from server.errors import ApiError, bad_request
from server.openai.schema import Body, Text
from tools.sandbox.base import Sandbox
from tools.sandbox.errors import BadCell, SandboxBusy, SandboxUnavailable
from tools.sandbox.tiers import Tier
from tools.sandbox.wire import WireCell, of_ran

router = APIRouter(tags=["sandbox"])
MOST_BODY = 64 << 20


class Ending(Body):
    session: Text


@router.get("/v1/sandbox")
async def about(request: Request) -> dict[str, Any]:
    tier: Tier = request.app.state.tier
    return {"object": "sandbox", "tier": tier.name, "available": tier.sandbox is not None, "reason": tier.reason}


@router.post("/v1/sandbox/run")
async def run(request: Request, body: WireCell) -> dict[str, Any]:
    """One cell. A client that goes away ends the code that runs for it."""
    try:
        ran = await unless_gone(request, _sandbox(request).run(body.cell()))
    except SandboxBusy as error:
        raise ApiError(503, str(error), code="sandbox_busy") from None
    except SandboxUnavailable as error:
        raise _unavailable(error.reason) from None
    except BadCell as error:
        raise bad_request(str(error), "files", "invalid_filename") from None
    return of_ran(ran)


@router.post("/v1/sandbox/end")
async def end(request: Request, body: Ending) -> dict[str, Any]:
    await _sandbox(request).end(body.session)
    return {"object": "sandbox.session", "ended": True}


def _sandbox(request: Request) -> Sandbox:
    tier: Tier = request.app.state.tier
    if tier.sandbox is None:
        raise _unavailable(tier.reason)
    return tier.sandbox


def _unavailable(reason: str) -> ApiError:
    return ApiError(503, reason, code="sandbox_unavailable")


def sandbox_app(tier: Tier, key: str) -> FastAPI:
    """`key`: what callers have to send; empty: none, and only this machine's own names are answered."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.tier = tier
        try:
            yield
        finally:
            if tier.sandbox is not None:
                await tier.sandbox.aclose()

    app = FastAPI(title="Sandtable sandbox", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(router)
    errors.install(app, [route for route in router.routes if isinstance(route, Route)])
    app.add_middleware(BodyLimit, most=MOST_BODY, most_upload=MOST_BODY)
    app.add_middleware(Authentication, tenants={key: "default"} if key else {})
    app.add_middleware(CatchAll)
    return app
