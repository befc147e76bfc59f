"""The service as a process: its event loop, its signals, and word of when it is ready."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import uvicorn

from backends.errors import BackendError
from retrieval.errors import RetrievalError
from server.cli.connection import in_use
from server.cli.failure import CommandFailed
from server.cli.logs import configure_logging
from server.cli.output import emit_json
from server.cli.started import started
from server.data_lock import DataDirectoryInUse

if TYPE_CHECKING:
    from fastapi import FastAPI

    from server.services import Services
    from server.settings import Settings

log = logging.getLogger("server")

KEEP_ALIVE_SECONDS = 75
"""For an idle connection: more than the 5 s after which httpx, and so OpenAI's client, gives one up. With uvicorn's own
5 s both sides decide at once, and now and then a request meets a connection that is just being closed."""


def run_service(settings: Settings, listener: socket.socket, as_json: bool) -> None:
    """Serve until a signal ends it. Raises CommandFailed if the service cannot start."""
    configure_logging(settings.log_level)
    try:
        _Process(settings, listener, as_json).run([listener])
    except DataDirectoryInUse as error:
        raise in_use(error) from None


class _Process(uvicorn.Server):
    """uvicorn inside the application's lifespan, so that what goes wrong at start is an exception and not a log."""

    def __init__(self, settings: Settings, listener: socket.socket, as_json: bool) -> None:
        super().__init__(
            uvicorn.Config(
                _no_app,
                loop="uvloop",
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=settings.shutdown_seconds,
            )
        )
        self._settings = settings
        self._url = url_of(listener)
        self._as_json = as_json
        self._listening = asyncio.Event()

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        async with started(self._settings) as app:
            await _check_backend(self._settings, app.state.services)
            self.config.app = app
            ready = asyncio.create_task(self._announce(app), name="ready")
            try:
                await super().serve(sockets)
            finally:
                ready.cancel()
                with suppress(asyncio.CancelledError):
                    await ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening.set()

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """The loop has the signals: uvicorn's way would raise them again at the end and spoil the exit code."""
        yield

    async def _announce(self, app: FastAPI) -> None:
        """Say where the service is as soon as a request would be answered at once."""
        services = app.state.services
        choice = await services.backends.default()
        await app.state.warm.wait()
        embedder = await asyncio.to_thread(_embedder, services)
        log.info("backend %s (%s); %s; data directory %s", choice.spec, choice.reason, embedder, services.data_dir)
        await self._listening.wait()
        app.state.announce(self._url)
        if self._as_json:
            emit_json({"url": self._url, "data_dir": str(services.data_dir), "backend": choice.spec})
        else:
            sys.stdout.write(f"{self._url}\n")
            sys.stdout.flush()


async def _check_backend(settings: Settings, services: Services) -> None:
    """Raises CommandFailed if the backend that the configuration names cannot be; what `auto` finds always can."""
    if settings.backend.strip() in ("", "auto"):
        return
    try:
        await services.backends.get(None)
    except BackendError as error:
        message = f"the configured backend cannot be used: {error}; correct `backend` or SANDTABLE_BACKEND"
        raise CommandFailed(message, type="bad_settings", code="bad_backend") from None


def _embedder(services: Services) -> str:
    try:
        embedder, _ = services.collections.embedder(services.settings.embedder)
        return f"embedder {embedder.name} ({embedder.fingerprint})"
    except RetrievalError as error:
        return f"no embedder ({error})"


async def _no_app(scope: Any, receive: Any, send: Any) -> None:
    raise RuntimeError("the application takes this place before the port is opened")


def url_of(listener: socket.socket) -> str:
    """Where the service can be called from this machine."""
    host, port = listener.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{reachable}]:{port}" if ":" in reachable else f"http://{reachable}:{port}"
