"""An expert behind an address: the arguments are posted as JSON, and what comes back is told.

An address that whoever runs the service has configured may be anywhere; one that comes with a request is held to the
rules of `fetch_url`. Either way the call is like one of a tool: in the trace, within the run's limits, asked about
where a person has to agree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agents.task_experts.base import Failed, Job
from agents.task_experts.files import kept
from agents.task_experts.hugging_face import inputs, result_of
from agents.tool_use import use
from backends.base import ToolCall, ToolSpec
from tools.base import Context, Result, Tool
from tools.errors import ToolError
from tools.openapi.tool import told
from tools.registry.base import Endpoint
from tools.secrets import hushed

if TYPE_CHECKING:
    from langgraph.runtime import Runtime

    from agents.hugginggpt_options import HuggingGPTOptions
    from agents.run import Run
    from tools.registry.entry import Entry

OF_A_FAULT = 500


async def of_endpoint(run: Run, options: HuggingGPTOptions, job: Job, runtime: Runtime[Run]) -> str:
    """As `agents.task_experts.base.Expert`."""
    tool = _tool(run, options, job.entry)
    arguments = json.dumps(job.args(), ensure_ascii=False)
    call = ToolCall(id=f"task_{job.task.id}", name=tool.name, arguments=arguments)
    done = await use(run, call, {tool.name: tool}, options)
    if done.fault is not None:
        raise Failed(done.text)
    return done.text


def call_name(entry: Entry) -> str:
    """What the call is named in the trace: a tool's name has no slashes."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", entry.id)[:64]


def endpoint_of(context: Context, options: HuggingGPTOptions, entry: Entry) -> Endpoint:
    """Raises ToolError."""
    if entry.id in {one.id for one in options.experts}:
        if context.web is None:
            raise ToolError("nothing is read from the web here")
        return Endpoint(entry.url or "", context.web)
    if context.registries is None:
        raise ToolError("there are no registries here")
    return context.registries.endpoint(options.registry or "", entry.id)


def _tool(run: Run, options: HuggingGPTOptions, entry: Entry) -> Tool:
    async def post(given: Mapping[str, Any], context: Context) -> Result | str:
        return await _posted(endpoint_of(context, options, entry), entry, given, context)

    return Tool(
        spec=ToolSpec(name=call_name(entry), description=entry.line(200), parameters={"type": "object"}),
        check=json.loads,
        run=post,
        needs_approval=entry.approve,
        # The connection itself has a shorter patience, and says more of why.
        seconds=125.0,
    )


async def _posted(place: Endpoint, entry: Entry, given: Mapping[str, Any], context: Context) -> Result | str:
    content = await inputs(given, context) if entry.body == "inputs" else given
    headers = {"Content-Type": "application/json", "Accept": "application/json, */*;q=0.9", **place.secrets}
    if context.key:
        headers["Idempotency-Key"] = context.key
    try:
        page = await place.web.send("POST", place.url, headers, json.dumps(content, ensure_ascii=False).encode())
    except ToolError as error:
        raise ToolError(hushed(str(error), place.secrets.values())) from None
    if not 200 <= page.status < 300:
        raise ToolError(f"{entry.id} answered {page.status}: {hushed(told(page), place.secrets.values())[:OF_A_FAULT]}")
    if (media := await kept(page, call_name(entry), context)) is not None:
        return media
    said = told(page)
    return hushed(result_of(said) if entry.body == "inputs" else said, place.secrets.values())
