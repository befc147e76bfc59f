"""A server of the official SDK for the tests of the client: python -m tests.server.mcp_shop, over standard input and
output, or `app()` over HTTP. What it does wrong, it does when it is asked to."""

import asyncio
import os

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations

NOTICE = '{"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}}\n'
LOOKS = ToolAnnotations(read_only_hint=True)


def shop() -> MCPServer:
    server = MCPServer("shop")

    @server.tool(annotations=LOOKS)
    def price(item: str, count: int = 1) -> str:
        """What so many of an item cost.\n\n多少钱"""
        return f"{count} {item}: {count * 3} euros"

    @server.tool()
    def order(item: str) -> str:
        """Order an item."""
        return f"ordered {item}"

    @server.tool(annotations=LOOKS)
    def refuse(why: str) -> str:
        """Fail."""
        raise ToolError(why)

    @server.tool(annotations=LOOKS)
    def environment() -> str:
        """Names and values of its environment."""
        return " ".join(f"{name}={value}" for name, value in sorted(os.environ.items()))

    @server.tool(annotations=LOOKS)
    def die() -> str:
        """End at once."""
        os.write(2, b"no more\n")
        os._exit(3)

    @server.tool(annotations=LOOKS)
    async def hang() -> str:
        """Say nothing."""
        await asyncio.sleep(600)
        return "late"

    @server.tool(annotations=LOOKS)
    async def more(context: Context) -> str:
        """Offer another tool."""
        server.add_tool(later, annotations=LOOKS)
        await context.notify_tools_changed()
        return "there is more"

    @server.tool(annotations=LOOKS)
    def large(characters: int) -> str:
        """Return many characters."""
        return "塔" * characters

    misbehaves(server)
    return server


def later() -> str:
    """Was not there at first."""
    return "late, but here"


def misbehaves(server: MCPServer) -> None:
    @server.tool(annotations=LOOKS)
    def endless() -> str:
        """Return more than anybody wants."""
        return "x" * (20 << 20)

    def written(text: str, times: int = 1) -> None:
        """In the place of an answer."""
        for _ in range(times):
            os.write(RAW, text.encode())
        os._exit(4)

    @server.tool(annotations=LOOKS)
    def garbage() -> None:
        """Write what is no message."""
        written('{"jsonrpc": "2.0", "id": []}\n')

    @server.tool(annotations=LOOKS)
    def stray() -> None:
        """Print."""
        written("noise\n", 300)

    @server.tool(annotations=LOOKS)
    def long() -> None:
        """Write a line that does not end."""
        written("{" + "x" * 1000, 5000)

    @server.tool(annotations=LOOKS)
    def flood() -> None:
        """Write notices for as long as anybody reads."""
        written(NOTICE * 100, 100)


RAW = os.dup(1)
"""Where answers go, also after the SDK has set standard output aside for them."""

if __name__ == "__main__":
    os.write(RAW, b"a greeting that is no message\n")
    shop().run("stdio")
