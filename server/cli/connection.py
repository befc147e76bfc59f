"""One way to the service: over HTTP, whether it runs elsewhere or is started in this process for the command."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from server.cli.api import CONNECT_SECONDS, READ_SECONDS, Api
from server.cli.failure import CommandFailed
from server.cli.options import Where, settings_for
from server.cli.output import note

if TYPE_CHECKING:
    import httpx

    from server.data_lock import DataDirectoryInUse
    from server.settings import Settings

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@asynccontextmanager
async def connect(where: Where) -> AsyncIterator[Api]:
    """The service that a command works with. Raises CommandFailed if there is none."""
    from server.cli.asgi_client import BASE_URL

    settings = settings_for(where.config, data_dir=where.data_dir)
    async with AsyncExitStack() as stack:
        url, transport, key = where.url, None, where.api_key or own_key(settings)
        if url is None:
            url, transport = await _local(settings, stack)
            key = key or first_key(settings)
        client = await stack.enter_async_context(_client(url or BASE_URL, key, transport))
        yield Api(client, url or f"the data directory {str(settings.data_dir)!r}", local=url is None)


async def _local(settings: Settings, stack: AsyncExitStack) -> tuple[str | None, httpx.AsyncBaseTransport | None]:
    """The service in this process; or the URL of the one that owns the data directory."""
    from server.cli.asgi_client import AppTransport
    from server.cli.started import started
    from server.data_lock import DataDirectoryInUse

    try:
        return None, AppTransport(await stack.enter_async_context(started(settings, warm=False)))
    except DataDirectoryInUse as error:
        if not error.url:
            raise in_use(error) from None
        note(f"The data directory {str(settings.data_dir)!r} is served at {error.url}: using that service.")
        return error.url, None


def in_use(error: DataDirectoryInUse) -> CommandFailed:
    holder = "" if error.url else " by another command: wait until it ends, or choose another with --data-dir"
    return CommandFailed(f"{error}{holder}", type="data_directory_in_use", code="data_directory_in_use")


def own_key(settings: Settings) -> str | None:
    return settings.api_key.get_secret_value() if settings.api_key is not None else None


def first_key(settings: Settings) -> str | None:
    """Of a service on this machine; never sent to another."""
    return settings.keys[0].key.get_secret_value() if settings.keys else None


def _client(base_url: str, key: str | None, transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    import httpx

    loopback = urlsplit(base_url).hostname in LOOPBACK
    return httpx.AsyncClient(
        base_url=base_url,
        headers={"authorization": f"Bearer {key}"} if key else {},
        timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        transport=transport,
        verify=base_url.startswith("https"),  # loading certificates takes longer than a search, and plain HTTP has none
        trust_env=not loopback,  # proxy variables never concern this machine
    )
