"""What `sandtable doctor` finds about the MCP servers of the settings: each is connected to and asked for its tools."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from server.cli.checks import Check

if TYPE_CHECKING:
    from server.settings import Settings


async def mcp_checks(settings: Settings) -> list[Check]:
    if not settings.mcp_servers:
        return []
    from server.mcp_servers import MCPServers
    from server.settings import environment
    from tools.errors import BadDocument

    # What they would log stands in the check.
    logging.getLogger("tools.mcp_client").setLevel(logging.ERROR)
    try:
        servers = MCPServers(settings.mcp_servers, environment())
    except BadDocument as error:
        return [Check("mcp servers", "fail", str(error), "put it right in the configuration file: docs/tools.md")]
    await servers.start()
    try:
        return [_check(name, tools, why) for name, (tools, why) in servers.standing().items()]
    finally:
        await servers.stop()


def _check(name: str, tools: int, why: str) -> Check:
    label = f"mcp {name}"
    if why:
        return Check(label, "warn", f"{why}; none of its tools", f"see mcp_servers.{name} in the configuration file")
    return Check(label, "ok", f"{tools} tools")
