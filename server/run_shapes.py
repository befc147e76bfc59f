"""What the routes of runs answer, as models for /openapi.json."""

from __future__ import annotations

from typing import Literal

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
