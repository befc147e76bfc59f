"""The one place that speaks HTTP to models. Knows connections and time-outs, not what is said over them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from backends.errors import BadReply, IncompleteStream, TimedOut, Unreachable
from backends.lanes import STREAMS, Lanes
from backends.unicode import whole

if TYPE_CHECKING:
    import ssl

    import httpx

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
MAX_REPLY_BYTES = 32 << 20
# llama.cpp's server closes an idle connection after 5 s: give it up before it does.
KEEPALIVE_SECONDS = 4.0


class Reply:
    """An answer whose body may still be on its way."""

    def __init__(self, response: httpx.Response, where: str, read_timeout: float) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}
        self._response = response
        self._where = where
        self._read_timeout = read_timeout

    async def pieces(self) -> AsyncGenerator[bytes]:
        """The body as it comes. Raises TimedOut or IncompleteStream when it stops coming."""
        import httpx

        body = cast("AsyncGenerator[bytes]", self._response.aiter_bytes())
        try:
            async with aclosing(body):
                async for piece in body:
                    yield piece
        except httpx.TimeoutException:
            raise TimedOut(
                f"{self._where} sent nothing for {self._read_timeout:g} s in the middle of its answer"
            ) from None
        except httpx.DecodingError as error:
            raise BadReply(f"{self._where} sent a body that cannot be decompressed: {error}", retryable=True) from None
        except httpx.TransportError as error:
            message = f"the connection to {self._where} broke in the middle of its answer: {_reason(error)}"
            raise IncompleteStream(message, retryable=True) from None

    async def read(self, limit: int = MAX_REPLY_BYTES) -> bytes:
        """The body, or its first `limit` bytes."""
        body = bytearray()
        async with aclosing(self.pieces()) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) >= limit:
                    break
        return bytes(body[:limit])


class Http:
    """Requests below one base URL over pooled connections. The pools are made as they are needed."""

    def __init__(
        self, base_url: str, headers: Mapping[str, str], *, connect_timeout: float, read_timeout: float
    ) -> None:
        parts = urlsplit(base_url)
        self.where = f"{parts.scheme}://{parts.netloc}"
        self._base_url = base_url.rstrip("/")
        self._host = parts.hostname or ""
        self._tls = parts.scheme == "https"
        self._headers = {"accept-encoding": "identity", **headers}
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._lanes = Lanes(self._new_client)
        self._urls: dict[str, httpx.URL] = {}
        """By path; a protocol has a handful."""
        self._certificates: ssl.SSLContext | None = None

    @asynccontextmanager
    async def request(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> AsyncIterator[Reply]:
        """Send a request, and give the reply once its status and headers are there, whatever the status.

        Raises Unreachable and TimedOut.
        """
        async with self._lanes.client() as client:
            response = await self._send(client, method, path, body)
            try:
                yield Reply(response, self.where, self._read_timeout)
            finally:
                await response.aclose()

    async def aclose(self) -> None:
        await self._lanes.aclose()

    async def _send(
        self, client: httpx.AsyncClient, method: str, path: str, body: Mapping[str, Any] | None
    ) -> httpx.Response:
        import httpx

        content = None if body is None else whole(json.dumps(body, ensure_ascii=False, separators=(",", ":"))).encode()
        headers = {} if body is None else {"content-type": "application/json"}
        # Parsed once: httpx takes longer to read an address than to send a request to it.
        url = self._urls.get(path) or self._urls.setdefault(path, httpx.URL(f"{self._base_url}/{path}"))
        request = client.build_request(method, url, content=content, headers=headers)
        try:
            try:
                return await client.send(request, stream=True)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                # A kept connection that the server was just closing: nothing came back, so once more is safe.
                return await client.send(request, stream=True)
        except httpx.ConnectTimeout:
            message = f"no connection to {self.where} within {self._connect_timeout:g} s"
            raise TimedOut(message, retryable=True) from None
        except httpx.TimeoutException:
            # Not retryable: the model is slow, and asking again would wait as long and pay twice.
            raise TimedOut(f"{self.where} did not begin to answer within {self._read_timeout:g} s") from None
        except httpx.TransportError as error:
            raise Unreachable(f"cannot reach {self.where}: {_reason(error)}", retryable=True) from None

    def _new_client(self) -> httpx.AsyncClient:
        import httpx

        if self._tls and self._certificates is None:
            self._certificates = httpx.create_ssl_context()
        return httpx.AsyncClient(
            headers=self._headers,
            timeout=httpx.Timeout(self._read_timeout, connect=self._connect_timeout),
            # How many streams run at once is decided above: a second limit here would only hide waiting.
            limits=httpx.Limits(
                max_connections=None, max_keepalive_connections=STREAMS, keepalive_expiry=KEEPALIVE_SECONDS
            ),
            # Loading the certificates takes longer than the rest: once, and not at all for plain HTTP.
            verify=self._certificates or False,
            trust_env=self._host not in LOOPBACK,  # proxy variables never concern this machine
            follow_redirects=False,  # a redirect could carry the key elsewhere
        )


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
