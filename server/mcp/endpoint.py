"""/mcp: the service as an MCP server over streamable HTTP. This is the way in; `server.mcp.protocol` answers.

Every request stands alone, so a restart of the service breaks no client. The one thing that needs two requests is the
cancellation of the older protocol: a notification that names the request. For it a client gets a session id, which
nothing is stored under; it only keeps the request numbers of two clients apart.
"""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from server.ids import new_uuid

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    from server.services import Services

SESSION, VERSION = b"mcp-session-id", b"mcp-protocol-version"


class Mcp:
    """The MCP server of a running service; its library takes 0.6 s to import, so it starts with the first request."""

    def __init__(self, services: Services, version: str) -> None:
        self._services = services
        self._version = version
        self._starting: asyncio.Future[StreamableHTTPSessionManager] | None = None
        self._running: asyncio.Task[None] | None = None

    async def manager(self) -> StreamableHTTPSessionManager:
        if self._starting is None:
            self._starting = asyncio.get_running_loop().create_future()
            self._running = asyncio.create_task(self._run(self._starting), name="mcp")
        return await asyncio.shield(self._starting)

    async def stop(self) -> None:
        """Cancel the calls under way."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self, ready: asyncio.Future[StreamableHTTPSessionManager]) -> None:
        """In a task of its own: what the manager opens must be closed by the task that opened it."""
        try:
            manager = await asyncio.to_thread(_make, self._services, self._version)
            async with manager.run():
                ready.set_result(manager)
                await asyncio.Event().wait()
        except Exception as error:
            self._starting = None
            ready.set_exception(error)


def _make(services: Services, version: str) -> StreamableHTTPSessionManager:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from sse_starlette.sse import AppStatus

    from server.mcp.protocol import make_server

    # Else every call under way would be cut off at SIGTERM, instead of having `shutdown_seconds` like other requests.
    AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]
    return StreamableHTTPSessionManager(
        make_server(services, version),
        stateless=True,
        # Host and Origin are checked by server.access, for all routes alike.
        security_settings=None,
        max_request_body_size=services.settings.max_body_bytes,
    )


class _Endpoint:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        manager = await scope["app"].state.mcp.manager()
        headers = {name for name, _ in scope["headers"]}
        opens = VERSION not in headers and SESSION not in headers
        await manager.handle_request(scope, receive, _with_session(send) if opens else send)


def _with_session(send: Send) -> Send:
    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (SESSION, new_uuid().encode())]}
        await send(message)

    return sending


# Only POST: the server has nothing to say unasked (GET), and there is no session to end (DELETE).
ROUTES = [Route(path, _Endpoint(), methods=["POST"], include_in_schema=False) for path in ("/mcp", "/mcp/")]
