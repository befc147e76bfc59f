"""Requests to the web, each to an address that was checked in the moment of connecting.

A name is looked up once, every answer is checked, and the connection goes to a checked address: what the name says a
second later changes nothing. The name still goes into the TLS handshake and the Host header. No proxy, no cookies, no
credentials of this machine, no connection that is used twice.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from server.unpacking import CODINGS, unpacked
from tools.addresses import reachable
from tools.errors import ToolError
from tools.web import Page, Rules, Url, read_url, redirected

if TYPE_CHECKING:
    import ssl

    import httpcore

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""From a host, which may be an address already, to addresses. Raises OSError."""
Connect = Callable[[str, int], tuple[str, int]]
"""Where to go for a checked address: there, but for tests."""

CONNECT_SECONDS = 10.0
MOST_ADDRESSES = 4
MOVED = (301, 302, 303, 307, 308)
AGENT = "sandtable (+a tool of an agent)"


async def look_up(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


class Refused(Exception):
    """Inside a connection attempt: what to tell."""


class GuardedWeb:
    def __init__(
        self,
        rules: Rules,
        *,
        resolve: Resolve = look_up,
        connect: Connect = lambda address, port: (address, port),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`tls`: which certificates are trusted; None: the usual ones."""
        self.rules = rules
        self._resolve, self._connect, self._tls = resolve, connect, tls

    async def send(self, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Page:
        """As `tools.web.Web`."""
        seconds, sent = self.rules.seconds, dict(headers or {})
        try:
            async with asyncio.timeout(seconds):
                for _ in range(self.rules.redirects + 1):
                    place = read_url(url, self.rules)
                    page = await self._once(method, place, sent, body)
                    location = page.headers.get("location")
                    if method != "GET" or page.status not in MOVED or location is None:
                        return page
                    url = redirected(page.url, location)
                    if (
                        after := read_url(url, self.rules)
                    ).authority != place.authority or after.scheme != place.scheme:
                        # What was meant for one host, a key for example, is not another's to see.
                        sent = {name: value for name, value in sent.items() if name.lower() == "accept"}
        except TimeoutError:
            raise ToolError(f"{url} was not read within {seconds:g} seconds") from None
        raise ToolError(f"{url} leads on and on: more than {self.rules.redirects} redirects")

    async def _once(self, method: str, url: Url, headers: Mapping[str, str], body: bytes) -> Page:
        import httpcore
        import httpx

        usual = {"Host": url.authority, "User-Agent": AGENT, "Accept-Encoding": CODINGS, "Connection": "close"}
        sent = {name.title(): value for name, value in headers.items()}
        if body or method not in ("GET", "HEAD"):
            sent["Content-Length"] = str(len(body))
        fields = [(name.encode(), value.encode("utf-8")) for name, value in (usual | sent).items()]
        if url.scheme == "https" and self._tls is None:
            self._tls = await asyncio.to_thread(httpx.create_ssl_context)
        place = httpcore.URL(
            scheme=url.scheme.encode(), host=url.host.encode(), port=url.port, target=url.target.encode()
        )
        try:
            async with (
                httpcore.AsyncConnectionPool(
                    ssl_context=self._tls, max_connections=1, network_backend=_backend(self._open)
                ) as pool,
                pool.stream(method, place, headers=fields, content=body) as response,
            ):
                found = _headers(response.headers)
                self._check_length(url, found)
                told = await self._read(url, response.aiter_stream(), found.get("content-encoding", ""))
                return Page(str(url), response.status, found, told)
        except Refused as error:
            raise ToolError(str(error)) from None
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
            why = str(error) or type(error).__name__
            raise ToolError(f"{url.scheme}://{url.authority} could not be read: {why[:300]}") from None

    async def _open(self, host: str, port: int) -> list[tuple[str, int]]:
        """Where to connect to, one after the other. Raises Refused."""
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise Refused(f"there is no host {host!r}: {getattr(error, 'strerror', None) or error}") from None
        if not addresses:
            raise Refused(f"there is no host {host!r}")
        for address in addresses:
            if not reachable(address, self.rules.networks):
                raise Refused(f"{host!r} is not on the public internet, and nothing else is fetched from here")
        return [self._connect(address, port) for address in addresses[:MOST_ADDRESSES]]

    def _check_length(self, url: Url, headers: Mapping[str, str]) -> None:
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self.rules.most_bytes:
            raise ToolError(_too_large(url, self.rules.most_bytes))

    async def _read(self, url: Url, pieces: AsyncIterable[bytes], coding: str) -> bytes:
        found = bytearray()
        async for piece in unpacked(_counted(pieces, url, self.rules.most_bytes), coding):
            found += piece
            if len(found) > self.rules.most_bytes:
                raise ToolError(_too_large(url, self.rules.most_bytes))
        return bytes(found)


def _backend(open_: Callable[[str, int], Awaitable[list[tuple[str, int]]]]) -> httpcore.AsyncNetworkBackend:
    import httpcore

    class Guarded(httpcore.AsyncNetworkBackend):
        async def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,
            local_address: str | None = None,
            socket_options: Iterable[Any] | None = None,
        ) -> httpcore.AsyncNetworkStream:
            places = await open_(host, port)
            for place in places[:-1]:
                with suppress(httpcore.NetworkError, httpcore.TimeoutException):
                    return await httpcore.AnyIOBackend().connect_tcp(*place, timeout=CONNECT_SECONDS / len(places))
            return await httpcore.AnyIOBackend().connect_tcp(*places[-1], timeout=CONNECT_SECONDS)

    return Guarded()


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """What is UTF-8 is read so: a redirect to a Chinese path is often sent raw."""
    found = {}
    for name, value in raw:
        with suppress(UnicodeDecodeError):
            found[name.decode("latin-1").lower()] = value.decode("utf-8")
            continue
        found[name.decode("latin-1").lower()] = value.decode("latin-1")
    return found


async def _counted(pieces: AsyncIterable[bytes], url: Url, most: int) -> AsyncIterator[bytes]:
    total = 0
    async for piece in pieces:
        total += len(piece)
        if total > most:
            raise ToolError(_too_large(url, most))
        yield piece


def _too_large(url: Url, most: int) -> str:
    return f"{url.scheme}://{url.authority} sends more than {most:,} bytes, which is the limit here"
