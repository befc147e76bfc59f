"""Tools of the MCP servers that the settings name: connected at start, there as long as their server is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from server.document_tools import header_value, variable
from tools.base import Tool
from tools.errors import BadDocument, BadTool
from tools.mcp_client.server import Place
from tools.mcp_client.tool import ServerTools

if TYPE_CHECKING:
    from server.tool_settings import MCPServer

log = logging.getLogger(__name__)

START_SECONDS: Final = 10.0
"""That the service waits for servers: those that take longer come later."""


class MCPServers:
    def __init__(self, settings: Mapping[str, MCPServer], environment: Mapping[str, str]) -> None:
        """Raises BadDocument, which names the setting."""
        self._servers: list[ServerTools] = []
        for name, given in settings.items():
            try:
                place = _place(given, environment)
            except BadTool as error:
                raise BadDocument(f"mcp_servers.{name}: {error}") from None
            warn = partial(log.warning, "mcp_servers.%s: %s", name)
            self._servers.append(ServerTools(name, place, given.approve, given.tools, warn))

    def tools(self) -> Sequence[Tool]:
        """Those of all servers as of now."""
        return [tool for server in self._servers for tool in server.tools]

    def standing(self) -> Mapping[str, tuple[int, str]]:
        """Of each server: how many of its tools are on offer, and what is wrong with it ("" if nothing is)."""
        return {one.name: (len(one.tools), one.server.why) for one in self._servers}

    async def start(self) -> None:
        for one in self._servers:
            one.server.start()
        with suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                for one in self._servers:
                    await one.server.tried.wait()

    async def stop(self) -> None:
        await asyncio.gather(*(one.server.stop() for one in self._servers))


def _place(given: MCPServer, environment: Mapping[str, str]) -> Place:
    """Raises BadTool."""
    env = {name: variable(f"env_from.{name}", name, environment) for name in given.env_from}
    headers = {
        header: header_value(f"headers_env.{header}", name, environment) for header, name in given.headers_env.items()
    }
    if given.api_key_env is not None:
        headers["Authorization"] = f"Bearer {header_value('api_key_env', given.api_key_env, environment)}"
    return Place(
        command=given.command,
        env={**given.env, **env},
        folder=given.folder,
        url=given.url or "",
        headers=headers,
        seconds=given.seconds,
        secrets=(*env.values(), *headers.values()),
    )
