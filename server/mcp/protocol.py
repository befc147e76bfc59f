"""The MCP server itself: which tools there are, and what becomes of a call."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import mcp.types as mcp
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel
from starlette.requests import Request

from server.errors import ApiError, from_exception
from server.mcp import fetch, resources, search
from server.mcp.calls import Calls, Key, Withdrawn
from server.mcp.pipelines import pipeline_tools
from server.mcp.places import live_collections, shown
from server.mcp.tool import Answer, Caller, McpTool, read_arguments
from server.services import tenant_of

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext

    from server.services import Services

    Context = ServerRequestContext[Any, Any]

REQUEST_CANCELLED = -32800
"""As the library answers a request that its client has cancelled."""
INSTRUCTIONS = (
    "Sandtable holds the user's own documents in collections. `search` finds passages, `fetch` reads a whole document. "
    "Each other tool is a pipeline, which answers a question by its own method; those that use documents give "
    "citations: the words in a file that the answer rests on."
)


def make_server(services: Services, version: str) -> Server[Any]:
    calls = Calls()

    async def list_tools(context: Context, _params: mcp.PaginatedRequestParams | None) -> mcp.ListToolsResult:
        there = shown(await live_collections(services, _tenant(services, context)))
        return mcp.ListToolsResult(tools=[_described(tool, there) for tool in await _tools()])

    async def call_tool(context: Context, params: mcp.CallToolRequestParams) -> mcp.CallToolResult:
        tools = {tool.name: tool for tool in await _tools()}
        if params.name not in tools:
            message = f"There is no tool {params.name!r}; there are: {', '.join(tools)}."
            raise MCPError(mcp.INVALID_PARAMS, message)
        work = _answer(tools[params.name], _caller(services, context), params.arguments or {})
        try:
            return await calls.run(_key(services, context, context.request_id), work)
        except Withdrawn:
            raise MCPError(REQUEST_CANCELLED, "The call was cancelled.") from None

    async def list_resources(context: Context, params: mcp.PaginatedRequestParams | None) -> mcp.ListResourcesResult:
        return await resources.list_resources(_caller(services, context), params.cursor if params else None)

    async def list_templates(_context: Context, _params: Any) -> mcp.ListResourceTemplatesResult:
        return mcp.ListResourceTemplatesResult(resource_templates=[resources.TEMPLATE])

    async def read_resource(context: Context, params: mcp.ReadResourceRequestParams) -> mcp.ReadResourceResult:
        try:
            return await resources.read_resource(_caller(services, context), params.uri)
        except ApiError as error:
            raise MCPError(mcp.INVALID_PARAMS, error.message, {"uri": params.uri}) from None

    async def cancelled(context: Context, params: mcp.CancelledNotificationParams) -> None:
        if (key := _key(services, context, params.request_id)) is not None:
            calls.withdraw(key)

    server: Server[Any] = Server(
        "sandtable",
        title="Sandtable",
        version=version,
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
        # No argument travels in a header; else the tools would be listed again before every call.
        get_tool_input_schema=lambda name: None,
    )
    server.add_notification_handler("notifications/cancelled", mcp.CancelledNotificationParams, cancelled)
    return server


async def _tools() -> list[McpTool]:
    ours = [search.TOOL, fetch.TOOL]
    names = {tool.name for tool in ours}
    pipelines = await asyncio.to_thread(pipeline_tools)
    return [*ours, *(replace(t, name=f"{t.name}_pipeline") if t.name in names else t for t in pipelines)]


def _described(tool: McpTool, collections: str) -> mcp.Tool:
    schema = tool.arguments.model_json_schema()
    if (place := schema["properties"].get("collection")) is not None:
        # A model has no other way to know their names.
        place["description"] += f" There are: {collections}."
    return mcp.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=schema,
        output_schema=tool.answer.model_json_schema(mode="serialization"),
        annotations=mcp.ToolAnnotations(read_only_hint=tool.read_only, destructive_hint=False),
    )


async def _answer(tool: McpTool, caller: Caller, arguments: dict[str, Any]) -> mcp.CallToolResult:
    """What the model can do something about is a result that says so, not an error of the protocol."""
    try:
        answer, text = await tool.run(caller, read_arguments(tool.arguments, arguments))
    except Exception as error:
        told = mcp.TextContent(type="text", text=from_exception(error).message)
        return mcp.CallToolResult(content=[told], is_error=True)
    return _result(answer, text)


def _result(answer: Answer, text: str) -> mcp.CallToolResult:
    told = mcp.TextContent(type="text", text=text)
    return mcp.CallToolResult(content=[told], structured_content=_json(answer))


def _json(value: BaseModel) -> Any:
    return value.model_dump(mode="json")


def _caller(services: Services, context: Context) -> Caller:
    async def progress(number: float, message: str) -> None:
        await context.session.report_progress(number, message=message)

    request = context.request
    origin = str(request.base_url) if isinstance(request, Request) else "/"
    return Caller(services, _tenant(services, context), origin, progress)


def _tenant(services: Services, context: Context) -> str:
    """Raises ApiError for a caller in this process where keys decide: it has shown none."""
    if isinstance(context.request, Request):
        return tenant_of(context.request)
    if services.settings.tenants():
        raise ApiError(401, "Keys are set, and a call inside the process has none.", code="missing_api_key")
    return "default"


def _key(services: Services, context: Context, request_id: str | int | None) -> Key | None:
    """Under which a call can be withdrawn; None: its client can only hang up."""
    session = context.request.headers.get("mcp-session-id") if isinstance(context.request, Request) else None
    if session is None or request_id is None:
        return None
    return (_tenant(services, context), session, str(request_id))
