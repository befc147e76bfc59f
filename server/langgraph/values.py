"""The state of a thread as LangGraph's clients see it: the waist, the pipeline's own keys, and always `messages`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from server.langgraph.messages import to_langchain

if TYPE_CHECKING:
    from langgraph.types import Interrupt, StateSnapshot

    from server.langgraph.snapshots import Snapshot


def as_json(value: Any) -> Any:
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(value, fallback=str, bytes_mode="base64", inf_nan_mode="strings")


def values_of(found: Snapshot) -> dict[str, Any]:
    made: dict[str, Any] = as_json(dict(found.state.values))
    return {**made, "messages": [to_langchain(id, message) for id, message in found.messages()]}


def interrupt_of(interrupt: Interrupt) -> dict[str, Any]:
    return {"value": as_json(interrupt.value), "id": interrupt.id}


def state_of(found: Snapshot) -> dict[str, Any]:
    """LangGraph's ThreadState."""
    return {**_nested(found.state), "values": values_of(found)}


def _nested(snapshot: StateSnapshot) -> dict[str, Any]:
    """Of a graph inside a step, which has no conversation of its own."""
    return {
        "values": as_json(snapshot.values),
        "next": list(snapshot.next),
        "tasks": [_task(task) for task in snapshot.tasks],
        "metadata": as_json(snapshot.metadata or {}),
        "created_at": snapshot.created_at,
        "checkpoint": checkpoint_of(snapshot.config),
        "parent_checkpoint": checkpoint_of(snapshot.parent_config) if snapshot.parent_config else None,
        "interrupts": [interrupt_of(found) for found in snapshot.interrupts],
    }


def checkpoint_of(config: Mapping[str, Any]) -> dict[str, Any]:
    place = config["configurable"]
    return {
        "thread_id": place["thread_id"],
        "checkpoint_ns": place.get("checkpoint_ns", ""),
        "checkpoint_id": place.get("checkpoint_id"),
        "checkpoint_map": place.get("checkpoint_map"),
    }


def _task(task: Any) -> dict[str, Any]:
    within = task.state
    return {
        "id": task.id,
        "name": task.name,
        "path": as_json(task.path),
        "error": repr(task.error) if task.error else None,
        "interrupts": [interrupt_of(found) for found in task.interrupts],
        "checkpoint": checkpoint_of(within) if isinstance(within, dict) else None,
        "state": _nested(within) if within is not None and not isinstance(within, dict) else None,
        "result": as_json(task.result),
    }
