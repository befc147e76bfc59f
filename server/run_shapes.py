"""What the routes of runs answer, as models for /openapi.json."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import RootModel

from agents.events import Question
from server.shapes import Shape


class RunObject(Shape):
    id: str
    object: Literal["run"]
    thread_id: str
    pipeline: str
    backend: str
    collection: str | None
    status: Literal[
        "queued", "running", "success", "error", "cancelled", "limited", "interrupted", "waiting", "answered"
    ]
    created_at: float
    finished_at: float | None
    answer: str | None
    questions: list[Question]


class ResumedRun(Shape):
    id: str
    object: Literal["run"]
    thread_id: str
    resumes: str
    status: Literal["queued"]


class FirstDifference(Shape):
    seq: int
    run_id: str
    field: str
    recorded: Any
    replayed: Any
    message: str


class ReplayedRun(Shape):
    object: Literal["run.replay"]
    run_id: str
    identical: bool
    events: int
    first_difference: FirstDifference | None


class ForkedRun(Shape):
    id: str
    object: Literal["run"]
    thread_id: str
    backend: str
    forked_from: str
    from_step: int
    status: Literal["queued"]


class ReplayAnswer(RootModel[ReplayedRun | ForkedRun]):
    """What a replay came to, or the fork that was queued."""
