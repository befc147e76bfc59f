"""Ends of tasks that an earlier attempt at the run came to, in the round that runs again after a crash.

A step whose writes are stored does not run again, and until its round is over no other step is given what it wrote: the
trace has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from agents.events import StepFinished, StepStarted
from agents.outlet import outer_task
from agents.task_board import End

if TYPE_CHECKING:
    from agents.run import Run


def ends_before(run: Run) -> Iterator[End]:
    """Of the graph that the running step belongs to. To be called inside a node only."""
    told = run.journal.told
    if not told:
        return
    outer = outer_task()
    ours = {event.task_id for event in told if isinstance(event, StepStarted) and event.within == outer}
    for event in told:
        if isinstance(event, StepFinished) and event.task_id in ours:
            yield from (End.model_validate(end) for end in event.update.get("ends", ()))
