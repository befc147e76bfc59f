"""The one loop that runs any pipeline and tells what happens.

run_started | run_resumed -> (step_started | token | ... | step_finished)*
    -> run_finished | run_failed | run_cancelled | run_limited | run_interrupted
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from agents import events
from agents.endings import ending
from agents.outlet import Outlet
from agents.past import Past
from agents.run import Run
from agents.spending import price_of
from agents.walk import Walk, walk

if TYPE_CHECKING:
    from langgraph.runtime import RunControl

    from agents.events import Event
    from agents.pipeline import Pipeline
    from agents.run import Deps, RunInput
    from agents.thread import Place


async def stream(
    pipeline: Pipeline,
    input: RunInput,
    deps: Deps,
    *,
    run_id: str,
    place: Place | None = None,
    past: Past | None = None,
    stop: asyncio.Event | None = None,
    control: RunControl | None = None,
) -> AsyncGenerator[Event, None]:
    """Run a pipeline; yield its events as they happen, numbered on from `past`. The last one says how it ended.

    `place`: the thread that keeps the run's steps; None: nothing does. `past`: what earlier attempts left. Setting
    `stop` ends the run at once with run_cancelled. Closing the generator, or cancelling the task that reads it, ends it
    at once too, with no further event: nobody decided against the run, so it may be taken up again; so may one that
    `control` drains, which ends between two steps. Either way the request to the backend is closed before this returns.
    Errors of a run are events; nothing else is raised.
    """
    from langgraph.runtime import RunControl

    began, past = time.perf_counter(), past or Past()
    outlet = Outlet(run_id, past.stored)
    seq, start = past.last_seq, _start(pipeline, input, deps, outlet, past)
    run = Run(deps, input, outlet, past.spent, past.journal, began=past.began or start.at, _said=list(past.said))
    if not past.forked:
        seq += 1
        yield start.model_copy(update={"seq": seq})
    done = Walk()
    task = asyncio.create_task(walk(done, pipeline, place, input, run, control or RunControl()), name=f"run {run_id}")
    task.add_done_callback(lambda _: outlet.queue.put_nowait(None))
    tasks: list[asyncio.Task[Any]] = [task]
    if stop is not None:
        tasks.append(asyncio.create_task(_cancel_on(stop, task)))
    try:
        while (event := await outlet.queue.get()) is not None:
            seq += 1
            yield event.model_copy(update={"seq": seq})
            outlet.taken()
        for event in ending(task, done, run, past.spent.seconds + time.perf_counter() - began):
            seq += 1
            yield event.model_copy(update={"seq": seq})
    finally:
        outlet.abandon()
        for left in tasks:
            left.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _start(pipeline: Pipeline, input: RunInput, deps: Deps, outlet: Outlet, past: Past) -> Event:
    if past.attempts:
        return outlet.make(events.RunResumed, attempt=past.attempts + 1, void=past.unfinished)
    return outlet.make(
        events.RunStarted,
        pipeline=pipeline.name,
        backend=deps.backend.name,
        collection=deps.collection,
        question=input.question,
        capabilities=deps.backend.capabilities,
        price=price_of(deps.prices, deps.backend.name),
    )


async def _cancel_on(stop: asyncio.Event, task: asyncio.Task[Any]) -> None:
    await stop.wait()
    task.cancel()
