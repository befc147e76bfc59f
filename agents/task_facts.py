"""Events of the tasks of a plan, as they are carried out side by side."""

from __future__ import annotations

from typing import Literal

from agents.fact import Fact


class TaskStarted(Fact):
    """What it needs is there, and its expert is called now."""

    type: Literal["task_started"] = "task_started"
    task: int
    task_type: str
    """As the registry names it, `translation`."""
    expert: str
    needs: tuple[int, ...]
    args: str
    """JSON, with the results of other tasks in their places."""


class TaskFinished(Fact):
    type: Literal["task_finished"] = "task_finished"
    task: int
    task_type: str
    expert: str
    text: str
    """The result."""


class TaskFailed(Fact):
    type: Literal["task_failed"] = "task_failed"
    task: int
    task_type: str
    expert: str
    """Empty: none could be chosen."""
    reason: str
    because_of: tuple[int, ...] = ()
    """Tasks that failed before it, so that it was not begun."""


TaskEvent = TaskStarted | TaskFinished | TaskFailed
