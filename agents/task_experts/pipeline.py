"""An expert that is a pipeline: it runs within the task's own step, and goes on after a crash."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from agents import catalog
from agents.errors import AgentError, BadCassette, LimitReached, NotIdentical, NotStored
from agents.experts.facts import Delegated
from agents.inner_options import read_options
from agents.nested import nested
from agents.spending import price_of
from agents.task_experts.base import Failed, Job
from agents.walk import check, compiled
from backends.errors import BackendError
from retrieval.errors import RetrievalError

if TYPE_CHECKING:
    from langgraph.runtime import Runtime

    from agents.hugginggpt_options import HuggingGPTOptions
    from agents.run import Run


async def of_pipeline(run: Run, options: HuggingGPTOptions, job: Job, runtime: Runtime[Run]) -> str:
    """As `agents.task_experts.base.Expert`."""
    try:
        pipeline = catalog.get(job.entry.pipeline or "")
        given = read_options(pipeline.name, job.entry.options)
    except (AgentError, ValueError) as error:
        raise Failed(str(error)) from error
    try:
        inner = nested(run, given, system="", hear=lambda _task, _kind, _fields: None, drafts=False)
        deps = inner.deps
        run.emit(
            Delegated, input=job.task.id, expert=job.entry.id, pipeline=pipeline.name, backend=deps.backend.name,
            capabilities=deps.backend.capabilities, price=price_of(deps.prices, deps.backend.name),
            collection=deps.collection, generation=deps.generation,
        )  # fmt: skip
        check(pipeline, deps)
        values: dict[str, Any] = {}
        question = {"question": job.question(), "history": []}
        steps: Any = compiled(pipeline).astream(question, context=inner, stream_mode="values", control=runtime.control)
        async with aclosing(steps) as told:
            async for latest in told:
                values = latest
    except (LimitReached, NotStored, NotIdentical, BadCassette):
        raise
    except (AgentError, BackendError, RetrievalError) as error:
        raise Failed(str(error)) from error
    if not (answer := str(values.get("answer", ""))).strip():
        raise Failed(f"{pipeline.name} said nothing")
    return answer
