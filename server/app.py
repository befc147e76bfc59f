"""The HTTP face of the service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route

from retrieval import analysis
from retrieval.base import Embedder
from retrieval.errors import EmbedderFailed
from server import errors, memories, openapi, ops, replays, run_answers, run_events, tools
from server.access import LOCAL_ORIGIN, Authentication, BodyLimit
from server.envelope import CatchAll, HeadAsGet
from server.garbage import set_aside
from server.ids import new_uuid
from server.langgraph import assistants, graphs, meta, run_ends, stateless_runs, states, store, threads
from server.langgraph import runs as thread_runs
from server.mcp import endpoint as mcp
from server.openai import (
    chat,
    embeddings,
    file_batches,
    files,
    fine_tuning,
    generations,
    judgments,
    models,
    search,
    store_files,
    vector_stores,
)
from server.openai.responses import conversation_items, conversations, stored
from server.openai.responses import routes as responses
from server.services import Services
from server.settings import Settings
from server.wiring import running

log = logging.getLogger(__name__)

VERSION = "0.1.0"
AGAIN_SECONDS = 2.0
ROUTERS = (
    models,
    chat,
    responses,
    stored,
    conversations,
    conversation_items,
    embeddings,
    files,
    vector_stores,
    search,
    store_files,
    file_batches,
    generations,
    judgments,
    fine_tuning,
    run_answers,
    run_events,
    replays,
    memories,
    tools,
    ops,
    meta,
    assistants,
    graphs,
    threads,
    states,
    thread_runs,
    stateless_runs,
    run_ends,
    store,
)


def create_app(settings: Settings, *, warm: bool = True) -> FastAPI:
    """The ASGI application. Its lifespan opens the data directory and raises DataDirectoryInUse if another has it.

    `app.state.services` is there while it runs; `app.state.warm` is set once the embedder is loaded and the backend
    chosen, or could not be, which `app.state.failed` then says; `app.state.announce(url)` leaves word of its address.
    `warm=False`: for a single command, whose work may need neither.
    """
    app = FastAPI(title="Sandtable", version=VERSION, lifespan=_lifespan, docs_url=None, redoc_url=None)
    app.state.settings = settings
    app.state.warms_up = warm
    for module in ROUTERS:
        app.include_router(module.router)
    app.router.routes.extend(mcp.ROUTES)
    routes = [route for module in ROUTERS for route in module.router.routes] + app.router.routes
    errors.install(app, [route for route in routes if isinstance(route, Route)])
    openapi.install(app, needs_key=bool(settings.tenants()))
    app.add_middleware(BodyLimit, most=settings.max_body_bytes, most_upload=settings.max_upload_bytes)
    app.add_middleware(Authentication, tenants=settings.tenants(), origins=settings.allowed_origins)
    app.add_middleware(HeadAsGet)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.allowed_origins,
        allow_origin_regex=None if settings.tenants() else LOCAL_ORIGIN,
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["*"],
        expose_headers=["content-location", "location", "x-pagination-next", "x-pagination-total", "retry-after"],
    )
    app.add_middleware(CatchAll)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.warm = asyncio.Event()
    app.state.failed = None
    async with running(app.state.settings) as (services, lock):
        app.state.services = services
        app.state.announce = lock.announce
        app.state.mcp = mcp.Mcp(services, VERSION)
        warming = asyncio.create_task(_warm(app, services) if app.state.warms_up else asyncio.sleep(0), name="warm-up")
        try:
            yield
        finally:
            warming.cancel()
            await asyncio.gather(warming, return_exceptions=True)
            await app.state.mcp.stop()


async def _warm(app: FastAPI, services: Services) -> None:
    """Load what the first requests would wait for, while the port is already open: first what every one of them needs,
    then the pipelines, which the first answer waits for if it comes that early."""
    embedder: Embedder | None = None
    try:
        embedder, _ = services.collections.embedder(services.settings.embedder)
        await asyncio.gather(services.backends.default(), asyncio.to_thread(embedder.embed, ["warm"], kind="query"))
    except Exception as error:
        log.exception("warm-up failed; requests that need the missing part will say so")
        app.state.failed = str(error) or type(error).__name__
        embedder = embedder if isinstance(error, EmbedderFailed) else None
    app.state.warm.set()
    # The dictionary of Chinese words holds the interpreter for 0.1 s when it is loaded.
    await asyncio.to_thread(analysis.terms, "词典")
    await _warm_pipelines()
    set_aside()
    while app.state.failed is not None and embedder is not None:
        # A service that embeds may come up after this one.
        await asyncio.sleep(AGAIN_SECONDS)
        with suppress(EmbedderFailed):
            await asyncio.to_thread(embedder.embed, ["warm"], kind="query")
            app.state.failed = None


async def _warm_pipelines() -> None:
    """Import every pipeline, and run one: LangGraph imports a part of itself with its first run."""
    from agents import catalog

    for name in catalog.PIPELINES:
        await asyncio.to_thread(catalog.get, name)
    from agents.run import Deps, RunInput
    from agents.stream import stream
    from backends.scripted import Scripted

    deps = Deps(backend=Scripted(["warm"]))
    async for _ in stream(catalog.get("chat"), RunInput(question="warm"), deps, run_id=new_uuid()):
        pass
