"""Reading one answer over HTTP, whatever its wire format."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, Protocol

from backends.base import Delta
from backends.errors import IncompleteStream, TimedOut
from backends.http import Http, Reply
from backends.upstream_errors import response_error

MAX_ERROR_BYTES = 64 << 10
# After the last event only the end of the body is due. Reading it keeps the connection for the next request.
DRAIN_SECONDS = 0.2


class Reader(Protocol):
    """Takes pieces of an answer and gives its deltas; `end` gives the last, which has the finish. Does no I/O."""

    @property
    def done(self) -> bool:
        """The server has said that the stream is over."""
        ...

    @property
    def finished(self) -> bool:
        """The answer is whole, though the stream may go on (with the usage, for one)."""
        ...

    def feed(self, piece: bytes) -> list[Delta]: ...

    def end(self) -> list[Delta]: ...


async def deltas_of(reply: Reply, reader: Reader) -> AsyncGenerator[Delta]:
    """Raises the errors of the reader, and TimedOut or IncompleteStream when the answer stops coming before its end."""
    async with aclosing(reply.pieces()) as pieces:
        try:
            async for piece in pieces:
                for delta in reader.feed(piece):
                    yield delta
                if reader.done:
                    break
        except (IncompleteStream, TimedOut):
            if not reader.finished:  # else only the usage is lost, and nothing of the answer
                raise
        for delta in reader.end():
            yield delta
        await _drain(pieces)


@asynccontextmanager
async def accepted(http: Http, path: str, body: Mapping[str, Any]) -> AsyncIterator[Reply]:
    """The reply to `body`. Raises what the server answers instead of a 2xx."""
    async with http.request("POST", path, body) as reply:
        if not 200 <= reply.status < 300:
            raise response_error(http.where, reply.status, reply.headers, await reply.read(MAX_ERROR_BYTES))
        yield reply


async def _drain(pieces: AsyncIterator[bytes]) -> None:
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            async for _ in pieces:
                pass
    except (TimeoutError, TimedOut, IncompleteStream):
        pass
