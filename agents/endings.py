"""How a run ended, as its last event."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agents import events
from agents.errors import LimitReached, NotStored
from agents.shown import INTERNAL, shown

if TYPE_CHECKING:
    import asyncio

    from agents.events import Event
    from agents.run import Run
    from agents.walk import Walk

log = logging.getLogger(__name__)


def ending(task: asyncio.Task[None], walk: Walk, run: Run, seconds: float) -> list[Event]:
    """The last events; none if the run was stopped between two steps, to go on another time."""
    from langgraph.errors import GraphDrained

    outlet = run.outlet
    spent: dict[str, Any] = {"usage": run.spent.usage, "cost": run.spent.cost, "seconds": seconds}
    if task.cancelled():
        return [outlet.make(events.RunCancelled, answer=_so_far(run, walk.values), **spent)]
    error = task.exception()
    if isinstance(error, GraphDrained):
        return []
    if isinstance(error, LimitReached):
        about = {"limit": error.limit, "message": str(error)}
        return [outlet.make(events.RunLimited, answer=_so_far(run, walk.values), **about, **spent)]
    if error is not None:
        about = _told(error)
        return [outlet.make(events.RunFailed, answer=_so_far(run, walk.values), **about, **spent)]
    if walk.questions or walk.next:
        return [outlet.make(events.RunInterrupted, answer=run.said, questions=walk.questions, **spent)]
    answer = walk.values.get("answer", "")
    citations = tuple(walk.values.get("citations", ()))
    whole = [] if run.said else [outlet.make(events.Token, text=answer, channel="answer")] if answer else []
    made = {"answer": answer, "citations": citations, "tool_calls": tuple(walk.values.get("tool_calls", ()))}
    return [*whole, outlet.make(events.RunFinished, finish_reason=run.finish, **made, **spent)]


def _so_far(run: Run, values: Mapping[str, Any]) -> str:
    return run.said or run.drafted or values.get("answer", "")


def _told(error: BaseException) -> dict[str, Any]:
    if isinstance(error, sqlite3.Error):
        return {"error_type": NotStored.__name__, "message": f"the steps of the run cannot be stored: {error}"}
    about = shown(error)
    if about["error_type"] == INTERNAL:
        log.error("a run failed unexpectedly", exc_info=error)
    return about
