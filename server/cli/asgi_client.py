"""The service in this process, spoken to over HTTP without a socket, body pieces passed on as they come.

httpx has a transport for ASGI applications that gathers the whole body first; an answer that streams needs its pieces.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message

BASE_URL = "http://127.0.0.1"
BUFFER = 16
"""Pieces that may wait for the reader; then the application waits for it, as over a socket."""
GRACE = 5.0
"""Seconds that an application gets to end after its reader has gone."""


class AppTransport(httpx.AsyncBaseTransport):
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        exchange = _Exchange(request)
        task = asyncio.create_task(self._serve(exchange, _scope(request)))
        try:
            status, headers = await exchange.start
        except BaseException:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise
        return httpx.Response(status, headers=headers, stream=_Body(exchange, task))

    async def _serve(self, exchange: _Exchange, scope: dict[str, Any]) -> None:
        problem: Exception | None = None
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception as error:
            problem = error
        await exchange.finish(problem)


def _scope(request: httpx.Request) -> dict[str, Any]:
    path, _, query = request.url.raw_path.partition(b"?")
    return {
        "type": "http",
        # What uvicorn says: with 2.3 an application learns from `receive` that the client has gone.
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "server": (request.url.host, request.url.port),
        "client": ("127.0.0.1", 0),
        "state": {},
    }


class _Exchange:
    """One request and its answer: the two ASGI callables, and the queue between them and the reader."""

    def __init__(self, request: httpx.Request) -> None:
        self.start: asyncio.Future[tuple[int, list[tuple[bytes, bytes]]]] = asyncio.get_running_loop().create_future()
        self.pieces: asyncio.Queue[bytes | None] = asyncio.Queue(BUFFER)
        """None: the end of the body, whole or broken."""
        self.whole = False
        self._problem: Exception | None = None
        self._over = asyncio.Event()
        self._body: AsyncIterator[bytes] | None = aiter(request.stream)  # type: ignore[arg-type]

    async def receive(self) -> Message:
        if self._body is not None:
            piece = await anext(self._body, None)
            if piece is not None:
                return {"type": "http.request", "body": piece, "more_body": True}
            self._body = None
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._over.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and not self.start.done():
            self.start.set_result((message["status"], list(message.get("headers", []))))
        if message["type"] != "http.response.body" or self._over.is_set():
            return
        if piece := message.get("body", b""):
            await self.pieces.put(piece)
        if not message.get("more_body", False):
            self.whole = True
            self._over.set()
            await self.pieces.put(None)

    async def finish(self, problem: Exception | None) -> None:
        """The application has returned or raised; what it still owes will not come any more."""
        self._problem = problem
        if not self.start.done():
            self.start.set_exception(self.broken())
        elif not self._over.is_set():
            self._over.set()
            await self.pieces.put(None)

    def broken(self) -> httpx.RemoteProtocolError:
        why = f": {self._problem!r}" if self._problem is not None else ""
        return httpx.RemoteProtocolError(f"the service broke off its answer{why}")

    def leave(self) -> None:
        """The reader goes; a `send` that waits for room is let through."""
        self._over.set()
        while not self.pieces.empty():
            self.pieces.get_nowait()


class _Body(httpx.AsyncByteStream):
    def __init__(self, exchange: _Exchange, task: asyncio.Task[None]) -> None:
        self._exchange = exchange
        self._task = task

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := await self._exchange.pieces.get()) is not None:
            yield piece
        if not self._exchange.whole:
            raise self._exchange.broken()

    async def aclose(self) -> None:
        self._exchange.leave()
        done, _ = await asyncio.wait({self._task}, timeout=GRACE)
        if not done:
            self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
