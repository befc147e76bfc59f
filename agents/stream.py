"""The one loop that runs any pipeline and tells what happens.

run_started -> (step_started | token | ... | step_finished)* -> run_finished | run_failed | run_cancelled | run_limited
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from functools import cache
from typing import TYPE_CHECKING, Any

from agents import events
from agents.errors import AgentError, CollectionRequired, LimitReached
from agents.outlet import Outlet
from agents.run import Run
from backends.errors import BackendError, CapabilityMissing
from retrieval.errors import RetrievalError

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph

    from agents.events import Event
    from agents.pipeline import Pipeline
    from agents.run import Deps, RunInput

    Graph = CompiledStateGraph[Any, Any, Any, Any]

log = logging.getLogger(__name__)


async def stream(
    pipeline: Pipeline,
    input: RunInput,
    deps: Deps,
    *,
    run_id: str,
    graph: Graph | None = None,
    stop: asyncio.Event | None = None,
) -> AsyncGenerator[Event, None]:
    """Run a pipeline; yield its events as they happen, numbered from 1. The last one says how it ended.

    `graph`: the pipeline's graph compiled with a checkpointer, whose thread is then `run_id`; None: without one.
    Setting `stop` ends the run at once with run_cancelled. Closing the generator, or cancelling the task that reads it,
    ends it at once too, with no further event: nobody decided against the run, so it may be taken up again. Either way
    the request to the backend is closed before this returns. Errors of a run are events; nothing else is raised.
    """
    began = time.perf_counter()
    outlet = Outlet(run_id)
    run = Run(deps, input, outlet)
    seq = 1
    yield _start(pipeline, input, deps, outlet).model_copy(update={"seq": seq})
    walk = asyncio.create_task(_walk(pipeline, graph, input, run, outlet, run_id), name=f"run {run_id}")
    walk.add_done_callback(lambda _: outlet.queue.put_nowait(None))
    tasks: list[asyncio.Task[Any]] = [walk]
    if stop is not None:
        tasks.append(asyncio.create_task(_cancel_on(stop, walk)))
    try:
        while (event := await outlet.queue.get()) is not None:
            seq += 1
            yield event.model_copy(update={"seq": seq})
        for event in _end(walk, run, outlet, time.perf_counter() - began):
            seq += 1
            yield event.model_copy(update={"seq": seq})
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _walk(
    pipeline: Pipeline, graph: Graph | None, input: RunInput, run: Run, outlet: Outlet, run_id: str
) -> dict[str, Any]:
    """Run the graph and return its last state."""
    deps = run.deps
    _check(pipeline, deps)
    values: dict[str, Any] = {}
    parts = (graph or _compiled(pipeline)).astream(
        {"question": input.question, "history": list(input.history)},
        {"configurable": {"thread_id": run_id}, "metadata": {"run_id": run_id}},
        context=run,
        stream_mode=["custom", "tasks", "values"],
        subgraphs=True,
        version="v2",
    )
    try:
        async for part in parts:
            if part["type"] == "values":
                values = values if part["ns"] else part["data"]
            else:
                outlet.arrive(part["type"], part["ns"], part["data"])
    finally:
        outlet.flush()
    return values


def _start(pipeline: Pipeline, input: RunInput, deps: Deps, outlet: Outlet) -> Event:
    return outlet.make(
        events.RunStarted,
        pipeline=pipeline.name,
        backend=deps.backend.name,
        collection=deps.collection,
        question=input.question,
    )


def _check(pipeline: Pipeline, deps: Deps) -> None:
    """Fail before the first step rather than in the middle. Raises CollectionRequired, CapabilityMissing."""
    if pipeline.needs_collection and deps.retriever is None:
        raise CollectionRequired(
            f"the pipeline {pipeline.name!r} answers from documents: name a collection, as in "
            f"model={pipeline.name + ':COLLECTION'!r}, or use the pipeline 'chat'"
        )
    for name in sorted(pipeline.needs):
        if not getattr(deps.backend.capabilities, name):
            raise CapabilityMissing(
                f"the pipeline {pipeline.name!r} needs the capability {name!r}, which the backend "
                f"{deps.backend.name!r} lacks: choose another backend for this request (`sandtable.backend`), set "
                "another default (`SANDTABLE_BACKEND`), or use a pipeline that does without"
            )


@cache
def _compiled(pipeline: Pipeline) -> Graph:
    return pipeline.graph.compile()


async def _cancel_on(stop: asyncio.Event, task: asyncio.Task[Any]) -> None:
    await stop.wait()
    task.cancel()


def _end(walk: asyncio.Task[dict[str, Any]], run: Run, outlet: Outlet, seconds: float) -> list[Event]:
    spent: dict[str, Any] = {"usage": run.usage, "seconds": seconds}
    if walk.cancelled():
        return [outlet.make(events.RunCancelled, answer=run.said, **spent)]
    error = walk.exception()
    if isinstance(error, LimitReached):
        message = str(error)
        return [outlet.make(events.RunLimited, answer=run.said, limit=error.limit, message=message, **spent)]
    if error is not None:
        return [outlet.make(events.RunFailed, answer=run.said, **_shown(error), **spent)]
    values = walk.result()
    answer = values.get("answer", "")
    citations = tuple(values.get("citations", ()))
    whole = [] if run.said else [outlet.make(events.Token, text=answer, channel="answer")] if answer else []
    made = {"answer": answer, "citations": citations, "tool_calls": tuple(values.get("tool_calls", ()))}
    return [*whole, outlet.make(events.RunFinished, finish_reason=run.finish, **made, **spent)]


def _shown(error: BaseException) -> dict[str, Any]:
    """Our own errors speak for themselves; any other is a bug, whose details are for the log only."""
    if isinstance(error, BackendError):
        about = {"status": error.status, "code": error.code, "retry_after": error.retry_after}
        return {"error_type": type(error).__name__, "message": str(error), **about}
    if isinstance(error, RetrievalError | AgentError):
        return {"error_type": type(error).__name__, "message": str(error)}
    log.error("a run failed unexpectedly", exc_info=error)
    return {"error_type": "InternalError", "message": "the run failed for an internal reason; the log has it"}
