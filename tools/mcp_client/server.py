"""One MCP server: its connection kept up, its tools known, its calls made.

A server that is down, dies, floods or says nothing costs a call its answer and nobody else anything: the call is a
ToolError, and the connection is made again, later each time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from tools.errors import ToolError
from tools.mcp_client.http import connected
from tools.mcp_client.stdio import ServerEnded, Traffic, spawned
from tools.secrets import hushed

log = logging.getLogger(__name__)

FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 60.0
STEADY: Final = 60.0
"""Seconds after which a connection counts as a good one, and waiting begins anew."""
MOST_PAGES: Final = 50
MOST_TOOLS: Final = 500
CHECK_SECONDS: Final = 5.0


class ListRefused(Exception):
    """The tools that a server says it has cannot be used; the text says why."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a server is: a command, or an address."""

    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    folder: str | None = None
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    seconds: float = 30.0
    """For a call, and for the handshake."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Of the variables and headers: what no answer and no log may repeat."""

    def open(self, traffic: Traffic) -> AbstractAsyncContextManager[tuple[Any, Any]]:
        if self.command:
            return spawned(self.command, self.env, self.folder, traffic)
        return connected(self.url, self.headers, self.seconds)


@dataclass
class Server:
    name: str
    place: Place
    listed: Callable[[list[Any]], Awaitable[None]]
    """Told the tools that it has, as `mcp_types.Tool`, whenever they change. Raises ListRefused."""
    why: str = "it has not answered yet"
    """What is wrong, while there is no connection."""
    tried: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the first attempt has an outcome."""
    _client: Any = None
    _doubt: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_up(), name=f"mcp {self.name}")

    async def stop(self) -> None:
        self._stop.set()
        # Again until it ends: the scopes of the SDK may take a cancellation of ours for one of theirs.
        while self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=1)

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> Any:
        """The result as `mcp_types.CallToolResult`. Raises ToolError."""
        client = self._client
        if client is None:
            raise ToolError(f"the MCP server {self.name!r} cannot be reached: {self.why}")
        try:
            return await client.call_tool(tool, dict(arguments), read_timeout_seconds=self.place.seconds)
        except Exception as error:  # Whatever the SDK makes of what a server sends.
            self._doubt.set()
            if self._client is not client:
                raise ToolError(f"the MCP server {self.name!r} broke off: {self.why}") from None
            why = hushed(_told(error), self.place.secrets)
            raise ToolError(f"the MCP server {self.name!r} did not answer the call: {why}") from None

    async def _keep_up(self) -> None:
        wait = FIRST_WAIT
        while not self._stop.is_set():
            began, traffic = asyncio.get_running_loop().time(), Traffic()
            try:
                await self._connection(traffic)
            except asyncio.CancelledError:
                if self._stop.is_set():
                    raise
                self.why = traffic.why or "the connection broke off"
            except BaseExceptionGroup as errors:
                self.why = _reason(_first(errors), traffic)
            except Exception as error:  # A server may make the SDK raise anything.
                self.why = _reason(error, traffic)
            finally:
                self._client = None
            if self._stop.is_set():
                return
            self.why = hushed(self.why, self.place.secrets)
            self.tried.set()
            wait = FIRST_WAIT if asyncio.get_running_loop().time() - began > STEADY else wait
            log.warning("the MCP server %r: %s; it is tried again in %g seconds", self.name, self.why, wait)
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)

    async def _connection(self, traffic: Traffic) -> None:
        """From the handshake to the end. Raises what ended it."""
        from mcp import Client
        from mcp.types import ToolListChangedNotification

        async def heard(message: Any) -> None:
            if isinstance(message, ToolListChangedNotification):
                self._changed.set()

        self._doubt.clear()
        client = Client(self.place.open(traffic), message_handler=heard)
        async with asyncio.timeout(self.place.seconds) as limit:
            async with client:
                await self._list(client, traffic)
                limit.reschedule(None)
                self._client, self.why = client, ""
                self.tried.set()
                listening = asyncio.create_task(self._listen(client), name=f"mcp changes {self.name}")
                try:
                    await self._watch(client, traffic)
                finally:
                    listening.cancel()
                    self._client, self.why = None, hushed(traffic.why, self.place.secrets) or "it broke off"

    async def _listen(self, client: Any) -> None:
        """Changes of the list, as servers of the protocol's newer form tell them; older ones tell them unasked."""
        with suppress(Exception):  # One that tells of no changes is no worse for it.
            async with client.listen(tools_list_changed=True) as changes:
                async for _ in changes:
                    self._changed.set()

    async def _watch(self, client: Any, traffic: Traffic) -> None:
        events = {"ended": traffic.ended, "doubt": self._doubt, "changed": self._changed}
        while True:
            waits = {asyncio.create_task(event.wait()): name for name, event in events.items()}
            try:
                done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in waits:
                    task.cancel()
            names = {waits[task] for task in done}
            if "ended" in names:
                raise ServerEnded(traffic.why)
            if "doubt" in names:
                self._doubt.clear()
                # A call went wrong: of a server that is well, this is answered at once.
                async with asyncio.timeout(CHECK_SECONDS):
                    await client.list_tools(cache_mode="bypass")
            if "changed" in names:
                self._changed.clear()
                async with asyncio.timeout(self.place.seconds):
                    await self._list(client, traffic)

    async def _list(self, client: Any, traffic: Traffic) -> None:
        try:
            await self._look(client)
        except Exception as error:
            if traffic.ended.is_set() or isinstance(error, TimeoutError):
                raise
            # Told here: the end of the connection, which follows, would be taken for the reason.
            raise ListRefused(_refusal(error)) from None

    async def _look(self, client: Any) -> None:
        found: list[Any] = []
        cursor = None
        for _ in range(MOST_PAGES):
            page = await client.list_tools(cursor=cursor, cache_mode="bypass")
            found += page.tools
            cursor = page.next_cursor
            if cursor is None or len(found) >= MOST_TOOLS:
                break
        await self.listed(found[:MOST_TOOLS])


def _first(errors: BaseExceptionGroup) -> BaseException:
    inner = errors.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner


def _reason(error: BaseException, traffic: Traffic) -> str:
    return str(error) if isinstance(error, ListRefused) else traffic.why or _told(error)


def _refusal(error: Exception) -> str:
    """Of one that kept its connection."""
    if isinstance(error, ListRefused):
        return str(error)
    return f"its list of tools cannot be read: {' '.join(_told(error).split())}"


def _told(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    return (str(error) or type(error).__name__)[:500]
