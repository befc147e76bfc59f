"""A Tool for each tool of an MCP server: arguments held to its schema, the content of its answer told as text."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Literal

from backends.base import ToolSpec
from backends.schema_check import BadSchema, CostlyCheck, problems
from backends.unicode import whole
from tools.base import Context, Tool
from tools.errors import ToolError
from tools.mcp_client.server import ListRefused, Place, Server
from tools.openapi.operations import tool_name
from tools.schema_arguments import schema_checker
from tools.secrets import hushed
from tools.threads import on_a_thread

Approve = Literal["writes", "all", "none"]
NO_DESCRIPTION = "(its server does not say what it does)"
LONGEST_DESCRIPTION = 4_000
LARGEST_SCHEMA = 64_000
"""Characters, some 16,000 tokens: every request that offers the tool to a model has them."""


@dataclass
class ServerTools:
    """What one server offers, as of its last list. `chosen`: names or patterns; none: all."""

    name: str
    place: Place
    approve: Approve = "writes"
    chosen: tuple[str, ...] = ()
    warn: Callable[[str], None] = lambda _: None
    tools: tuple[Tool, ...] = ()
    server: Server = field(init=False)

    def __post_init__(self) -> None:
        self.server = Server(self.name, self.place, self._listed)

    async def _listed(self, found: Sequence[Any]) -> None:
        made: list[Tool] = []
        taken: set[str] = set()
        for one in found:
            if self.chosen and not any(fnmatchcase(one.name, pattern) for pattern in self.chosen):
                continue
            if why := await _unusable(one.input_schema):
                self.warn(f"no tool was made of {one.name[:200]!r}: {why}")
                continue
            made.append(self._tool(one, tool_name(self.name, one.name, taken)))
        self.tools = tuple(made)

    def _tool(self, one: Any, name: str) -> Tool:
        # What a server says of itself: whoever set it up may take its word for it, or have all calls asked.
        reading = one.annotations is not None and one.annotations.read_only_hint is True

        async def run(given: Mapping[str, Any], context: Context) -> str:
            result = await self.server.call(one.name, given)
            text = hushed(told(result), self.place.secrets)
            if result.is_error:
                raise ToolError(text or f"{name} failed and does not say why")
            return text

        description = whole((one.description or one.title or NO_DESCRIPTION).strip())[:LONGEST_DESCRIPTION]
        return Tool(
            spec=ToolSpec(name=name, description=description, parameters=one.input_schema),
            check=schema_checker(name, one.input_schema),
            run=run,
            read_only=reading,
            needs_approval=self.approve == "all" or (self.approve == "writes" and not reading),
            seconds=self.place.seconds + 5,
        )


async def _unusable(schema: Mapping[str, Any]) -> str:
    """Why no tool can have this schema; empty: it can. Raises ListRefused."""
    size = len(json.dumps(schema, ensure_ascii=False))
    if size > LARGEST_SCHEMA:
        return f"the schema of its arguments has {size:,} characters, and a model is given {LARGEST_SCHEMA:,} at most"
    try:
        await on_a_thread(partial(problems, {}, schema), "schema of an MCP tool")
    except CostlyCheck as error:
        # Not looked at further: a list of hundreds such would keep others' checks waiting for as many times as long.
        raise ListRefused(f"it lists a tool that cannot be used: {error}") from None
    except BadSchema as error:
        return str(error)
    return ""


def told(result: Any) -> str:
    """The parts of an answer, one after the other; what is no text by its kind and size."""
    parts = [_part(part) for part in result.content]
    if not parts and result.structured_content is not None:
        parts = [json.dumps(result.structured_content, ensure_ascii=False)]
    return whole("\n\n".join(parts))


def _part(part: Any) -> str:
    match part.type:
        case "text":
            return str(part.text)
        case "image" | "audio":
            return f"({part.mime_type}, some {len(part.data) * 3 // 4:,} bytes)"
        case "resource_link":
            return f"({part.name}: {part.uri})"
        case "resource":
            text = getattr(part.resource, "text", None)
            return str(text) if text is not None else f"({part.resource.uri}: {part.resource.mime_type})"
        case other:
            return f"({other})"
