"""An expert that is a tool: the task's arguments are the tool's own, held to its schema."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from agents.task_experts.base import Failed, Job
from agents.task_experts.listing import needs_approval
from agents.tool_use import use
from backends.base import ToolCall
from tools.errors import BadArguments
from tools.perform import checked

if TYPE_CHECKING:
    from langgraph.runtime import Runtime

    from agents.hugginggpt_options import HuggingGPTOptions
    from agents.run import Run
    from tools.base import Tool


async def of_tool(run: Run, options: HuggingGPTOptions, job: Job, runtime: Runtime[Run]) -> str:
    """As `agents.task_experts.base.Expert`."""
    name = job.entry.tool or ""
    there: dict[str, Tool] = {}
    if name in run.deps.tools:
        there[name] = replace(run.deps.tools[name], needs_approval=needs_approval(run, job.entry))
    arguments = _text(job)
    if name in there:
        try:
            await checked(there[name], arguments)
        except BadArguments:
            # What another task found is text; where that does not fit, it may be meant as a number.
            arguments = _text(job, as_json=True)
    call = ToolCall(id=f"task_{job.task.id}", name=name, arguments=arguments)
    done = await use(run, call, there, options)
    if done.fault is not None:
        raise Failed(done.text)
    return done.text or "\n\n".join(hit.text for hit in done.hits)


def _text(job: Job, *, as_json: bool = False) -> str:
    return json.dumps(job.args(as_json=as_json), ensure_ascii=False)
