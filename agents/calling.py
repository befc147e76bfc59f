"""A call of a run to the outside, told to its trace."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from agents.events import ToolCalled
from agents.failures import ToolFailed
from agents.shown import shown

if TYPE_CHECKING:
    from agents.run import Run
    from backends.base import ToolCall
    from tools.perform import Outcome


async def call(run: Run, wanted: ToolCall, perform: Callable[[str], Awaitable[Outcome]], *, counted: bool) -> Outcome:
    """As `Run.call`."""
    task_id = run.outlet.task_id()
    known = run.journal.outcome(task_id, wanted)
    if known is not None:
        return known
    if counted:
        run.spent.count_tool_call(run.deps.limits)
    began = time.perf_counter()
    answers = run.deps.answers
    try:
        outcome = await (perform(f"{task_id}:{wanted.id}") if answers is None else answers(run, wanted))
    except Exception as error:
        run.emit(ToolFailed, call=wanted, **shown(error), seconds=time.perf_counter() - began)
        raise
    run.emit(
        ToolCalled,
        call=wanted,
        output=outcome.text,
        ok=outcome.fault is None,
        fault=outcome.fault,
        chunk_ids=tuple(hit.chunk_id for hit in outcome.hits),
        seconds=time.perf_counter() - began,
    )
    await run.settle()
    return outcome
