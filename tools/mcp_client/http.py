"""An MCP server at an address (streamable HTTP): the SDK's transport, with a limit to what one answer may hold."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

MOST_BYTES: Final = 16 << 20
"""Of one answer, streams of events included."""
CONNECT_SECONDS: Final = 10.0
SLACK_SECONDS: Final = 10.0
"""That the connection waits longer than a call: both at once would end the connection, and the next call with it."""


@contextlib.asynccontextmanager
async def connected(url: str, headers: Mapping[str, str], seconds: float) -> AsyncIterator[tuple[Any, Any]]:
    """Yield the streams (read, write) that the SDK wants."""
    import httpx2
    from mcp.client.streamable_http import streamable_http_client

    limits = httpx2.Timeout(seconds + SLACK_SECONDS, connect=CONNECT_SECONDS)
    transport = _bounded()(httpx2.AsyncHTTPTransport(trust_env=False))
    async with (
        httpx2.AsyncClient(headers=dict(headers), timeout=limits, transport=transport, trust_env=False) as client,
        streamable_http_client(url, http_client=client) as streams,
    ):
        yield streams


def _bounded() -> Any:
    """The class of a transport; a function, since its bases are loaded on use."""
    import httpx2

    class Counted(httpx2.AsyncByteStream):
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        async def __aiter__(self) -> AsyncIterator[bytes]:
            held = 0
            async for piece in self.inner:
                held += len(piece)
                if held > MOST_BYTES:
                    raise httpx2.ReadError(f"the answer has more than {MOST_BYTES:,} bytes")
                yield piece

        async def aclose(self) -> None:
            await self.inner.aclose()

    class Bounded(httpx2.AsyncBaseTransport):
        def __init__(self, inner: Any) -> None:
            self.inner = inner

        async def handle_async_request(self, request: Any) -> Any:
            response = await self.inner.handle_async_request(request)
            response.stream = Counted(response.stream)
            return response

        async def aclose(self) -> None:
            await self.inner.aclose()

    return Bounded
