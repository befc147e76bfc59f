"""What the routes of the LangGraph API answer, as models for /openapi.json."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from server.shapes import Shape

Json = dict[str, Any]


class AssistantObject(Shape):
    assistant_id: str
    graph_id: str
    config: Json
    context: Json
    created_at: str
    updated_at: str
    metadata: Json
    version: int
    name: str
    description: str | None


class CheckpointPlace(Shape):
    thread_id: str
    checkpoint_ns: str
    checkpoint_id: str | None
    checkpoint_map: Json | None


class InterruptObject(Shape):
    id: str
    value: Any


class ThreadObject(Shape):
    thread_id: str
    created_at: str
    updated_at: str
    state_updated_at: str
    metadata: Json
    config: Json
    context: Json
    status: Literal["idle", "busy", "interrupted", "error"]
    values: Json | None
    interrupts: dict[str, list[InterruptObject]]


class StateObject(BaseModel):
    """All of it, or the fields that were asked for."""

    model_config = ConfigDict(extra="forbid")
    values: Any = None
    next: list[str] = []
    tasks: list[Json] = []
    metadata: Json = {}
    created_at: str | None = None
    checkpoint: CheckpointPlace | None = None
    parent_checkpoint: CheckpointPlace | None = None
    interrupts: list[InterruptObject] = []


class StateChanged(Shape):
    checkpoint: CheckpointPlace
    configurable: Json


class ThreadRun(Shape):
    run_id: str
    thread_id: str
    assistant_id: str
    created_at: str
    updated_at: str
    status: Literal["pending", "running", "error", "success", "timeout", "interrupted"]
    metadata: Json
    kwargs: Json
    multitask_strategy: str
