"""A tool for each operation of an OpenAPI document: arguments checked, sent to the one host, the answer told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, Literal

from backends.base import ToolSpec
from backends.schema_check import BadSchema, problems
from backends.unicode import whole
from retrieval.loaders.charsets import codec_of
from tools.base import Context, Tool
from tools.errors import BadTool, ToolError
from tools.openapi.operations import Operation, is_json, tool_name
from tools.openapi.requests import ready
from tools.schema_arguments import schema_checker
from tools.secrets import hushed
from tools.web import Page, Web

Approve = Literal["writes", "all", "none"]
READING = ("GET", "HEAD")
OF_A_FAULT = 1500
"""Characters of the body that comes with a 4xx or 5xx."""
TEXTS = ("text/", "application/xml", "application/yaml", "application/javascript", "application/x-www-form-urlencoded")


@dataclass(frozen=True, kw_only=True)
class Api:
    name: str
    base_url: str
    web: Web
    secrets: Mapping[str, str] = field(repr=False)
    """Headers that go with each request; what they hold is told to nobody."""
    approve: Approve = "writes"
    seconds: float = 20.0

    def hushed(self, text: str) -> str:
        return hushed(text, self.secrets.values())


def tools_of(api: Api, found: Sequence[Operation]) -> list[Tool]:
    """Raises BadTool."""
    taken: set[str] = set()
    return [_tool(api, one, tool_name(api.name, one.id, taken)) for one in found]


def _tool(api: Api, operation: Operation, name: str) -> Tool:
    async def run(given: Mapping[str, Any], context: Context) -> str:
        return await _called(api, operation, given, context)

    reading = operation.method in READING
    return Tool(
        spec=ToolSpec(name=name, description=operation.description, parameters=operation.schema),
        check=schema_checker(name, operation.schema),
        run=run,
        read_only=reading,
        needs_approval=api.approve == "all" or (api.approve == "writes" and not reading),
        # The connection itself says more of why it took so long.
        seconds=api.seconds + 5,
    )


def check_schema(operation: Operation) -> None:
    """Raises BadTool for arguments that nobody could check."""
    try:
        problems({}, operation.schema)
    except BadSchema as error:
        raise BadTool(str(error)) from None


async def _called(api: Api, operation: Operation, given: Mapping[str, Any], context: Context) -> str:
    request = ready(api.base_url, operation, given)
    headers = {**request.headers, **api.secrets}
    if operation.method not in READING and context.key:
        headers["Idempotency-Key"] = context.key
    try:
        page = await api.web.send(operation.method, request.url, headers, request.body)
    except ToolError as error:
        raise ToolError(api.hushed(str(error))) from None
    said = api.hushed(told(page))
    if 200 <= page.status < 300:
        return f"{page.status}\n\n{said}"
    if 300 <= page.status < 400:
        raise ToolError(f"{operation.place} answered {page.status}: it leads elsewhere, and only GET is followed")
    raise ToolError(f"{operation.place} answered {page.status}: {said[:OF_A_FAULT]}")


def told(page: Page) -> str:
    """What a model reads of an answer's body."""
    if not page.body:
        return "(no body)"
    message = Message()
    message["content-type"] = page.headers.get("content-type", "")[:500]
    kind = message.get_content_type() if page.headers.get("content-type") else "application/octet-stream"
    if is_json(kind):
        return _json(page.body)
    if kind.startswith(TEXTS) or kind.endswith("+xml"):
        codec = codec_of(str(message.get_param("charset", "") or "")) or "utf-8"
        return whole(page.body.decode(codec, errors="replace"))
    return f"({len(page.body):,} bytes of {kind}, which is not text)"


def _json(body: bytes) -> str:
    """Characters as they are, not as escapes, in which a model reads worse and a secret could hide."""
    text = body.decode("utf-8-sig", errors="replace")
    try:
        return whole(json.dumps(json.loads(text), ensure_ascii=False))
    except (ValueError, RecursionError):
        return text
