"""How a run ended, as its last event."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agents import events
from agents.errors import AgentError, LimitReached, NotStored
from backends.errors import BackendError
from retrieval.errors import RetrievalError

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
        return [outlet.make(events.RunFailed, answer=_so_far(run, walk.values), **_shown(error), **spent)]
    if walk.questions:
        return [outlet.make(events.RunInterrupted, answer=run.said, questions=walk.questions, **spent)]
    answer = walk.values.get("answer", "")
    citations = tuple(walk.values.get("citations", ()))
    whole = [] if run.said else [outlet.make(events.Token, text=answer, channel="answer")] if answer else []
    made = {"answer": answer, "citations": citations, "tool_calls": tuple(walk.values.get("tool_calls", ()))}
    return [*whole, outlet.make(events.RunFinished, finish_reason=run.finish, **made, **spent)]


def _so_far(run: Run, values: Mapping[str, Any]) -> str:
    return run.said or run.drafted or values.get("answer", "")


def _shown(error: BaseException) -> dict[str, Any]:
    """Our own errors speak for themselves; any other is a bug, whose details are for the log only."""
    if isinstance(error, BackendError):
        about = {"status": error.status, "code": error.code, "retry_after": error.retry_after}
        return {"error_type": type(error).__name__, "message": str(error), **about}
    if isinstance(error, RetrievalError | AgentError):
        return {"error_type": type(error).__name__, "message": str(error)}
    if isinstance(error, sqlite3.Error):
        return {"error_type": NotStored.__name__, "message": f"the steps of the run cannot be stored: {error}"}
    log.error("a run failed unexpectedly", exc_info=error)
    return {"error_type": "InternalError", "message": "the run failed for an internal reason; the log has it"}
