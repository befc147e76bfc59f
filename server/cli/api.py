"""The service's HTTP interface as the commands use it; every way it can go wrong becomes a CommandFailed."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from server.cli.failure import CommandFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

CONNECT_SECONDS = 5.0
READ_SECONDS = 600.0
"""An answer that is not streamed is silent while the model thinks."""
PAGE = 100


@dataclass(frozen=True)
class Api:
    client: httpx.AsyncClient
    name: str
    """How messages call the service: its URL, or its data directory."""
    local: bool
    """Whether it runs in this process, and so ends with the command."""

    async def call(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """Send a request; returns the JSON object of the answer. Raises CommandFailed."""
        async with self.stream(method, path, **request) as response:
            with self._named_errors():
                body = await response.aread()
        try:
            found = json.loads(body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise CommandFailed(f"{self.name} did not answer with a JSON object: is it a Sandtable service?")
        return found

    @asynccontextmanager
    async def stream(self, method: str, path: str, **request: Any) -> AsyncIterator[httpx.Response]:
        """Send a request; the body is still to be read. Raises CommandFailed for an error status too."""
        with self._named_errors():
            response = await self.client.send(self.client.build_request(method, path, **request), stream=True)
        try:
            if response.status_code >= 300:
                with self._named_errors():
                    await response.aread()
                raise refusal(self.name, response)
            yield response
        finally:
            await response.aclose()

    async def pieces(self, response: httpx.Response) -> AsyncIterator[bytes]:
        """The body as it comes. Raises CommandFailed when it breaks off."""
        with self._named_errors():
            async for piece in response.aiter_bytes():
                yield piece

    async def pages(self, path: str, **query: str) -> AsyncIterator[dict[str, Any]]:
        """Every object of a list, page after page, the newest first."""
        more, params = True, {"limit": str(PAGE), **query}
        while more:
            page = await self.call("GET", path, params=params)
            for item in page["data"]:
                yield item
            more, params["after"] = page["has_more"], page["last_id"]

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        import httpx

        try:
            yield
        except httpx.ConnectError as error:
            message = f"cannot reach {self.name} ({error}): start it with `sandtable serve`, or leave out --url"
            raise CommandFailed(message, type="connection_error", code="unreachable") from None
        except httpx.TimeoutException as error:
            message = f"{self.name} did not answer in time ({type(error).__name__})"
            raise CommandFailed(message, type="connection_error", code="timed_out") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            message = f"the connection to {self.name} broke: {error or type(error).__name__}"
            raise CommandFailed(message, type="connection_error", code="broken") from None


def refusal(name: str, response: httpx.Response) -> CommandFailed:
    """What an answer with an error status says; its body has been read."""
    status = response.status_code
    try:
        error = response.json()["error"]
        return refused(error, status)
    except (ValueError, KeyError, TypeError, AttributeError):
        message = f"{name} answered HTTP {status} without saying why: is it a Sandtable service?"
        return CommandFailed(message, type="unexpected_answer", status=status)


def refused(error: dict[str, Any], status: int | None = None) -> CommandFailed:
    """From an error object of the service."""
    return CommandFailed(
        str(error["message"]),
        type=str(error.get("type") or "server_error"),
        param=error.get("param"),
        code=error.get("code"),
        status=status,
        about=error.get("sandtable"),
    )
