"""What the routes of memory answer, as models for /openapi.json."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from server.shapes import Shape


class MemoryRecordObject(Shape):
    id: str
    object: Literal["memory.record"]
    text: str
    kind: Literal["fact", "observation", "reflection", "summary"]
    subject: str
    created_at: datetime
    last_access: datetime
    importance: float
    sources: list[int]
    superseded_by: int | None


class MemoriesForgotten(Shape):
    object: Literal["memory.forgotten"]
    ids: list[int]
