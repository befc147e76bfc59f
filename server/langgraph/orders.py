"""From the body of a run's request to an order: whatever is wrong with it is said before the run exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import Request

from server.errors import ApiError
from server.ids import new_uuid
from server.langgraph.known_assistants import Assistant, find_assistant
from server.langgraph.run_input import read_input
from server.langgraph.run_schema import RunCreate, ThreadRunCreate
from server.langgraph.run_settings import Layer, Settled, layers_of, settle
from server.langgraph.run_start import answered_run, read_start
from server.langgraph.run_support import modes_of, refuse_unsupported
from server.langgraph.snapshots import Snapshot, snapshot
from server.openai.parts import Parts, parts_of
from server.openai.sandtable import Extension, RunLimits
from server.resolve import pipeline_of
from server.runs.order import Order
from server.services import services_of, tenant_of

if TYPE_CHECKING:
    from sqlalchemy import Row

    from agents.pipeline import Pipeline
    from agents.run import RunInput


@dataclass(frozen=True)
class Asked:
    """Who asks for a run, with what, and where."""

    request: Request
    thread_id: str
    body: RunCreate


async def make_order(asked: Asked) -> Order:
    """Raises ApiError."""
    from agents.run import Sampling

    services, tenant, body = services_of(asked.request), tenant_of(asked.request), asked.body
    refuse_unsupported(body)
    assistant = await find_assistant(services, tenant, body.assistant_id)
    pipeline = await pipeline_of(assistant.graph_id)
    head = await snapshot(services, asked.thread_id, pipeline=pipeline.name)
    base = head
    if (checkpoint_id := _checkpoint_id(body)) not in (None, head.checkpoint_id):
        base = await snapshot(services, asked.thread_id, checkpoint_id)
    start = read_start(body, pipeline, base, forks=base is not head)
    goes_on = start.command is not None or start.continues
    before = await answered_run(services, tenant, base) if goes_on else None
    parts = await _parts(asked, assistant, settle(*_layers(assistant, before, body)))
    input, ids = _input(body, base, before, pipeline)
    return Order(
        tenant=tenant,
        pipeline=parts.pipeline,
        options=parts.options,
        input=input.model_copy(update={"persona": parts.persona, "memory": parts.memory, "user": parts.user}),
        sampling=Sampling.model_validate(before.order["sampling"]) if before is not None else Sampling(),
        limits=parts.limits,
        backend=parts.backend,
        collection=parts.collection,
        run_id=new_uuid(),
        thread_id=asked.thread_id,
        kind="langgraph",
        start=start,
        resumes=before.id if before is not None and base.state.interrupts else None,
        metadata={**(body.config.metadata or {} if body.config else {}), **(body.metadata or {})},
        request=_remembered(body, assistant, ids),
    )


def _checkpoint_id(body: RunCreate) -> str | None:
    if not isinstance(body, ThreadRunCreate):
        return None
    if body.checkpoint is None:
        return body.checkpoint_id
    if body.checkpoint.checkpoint_ns:
        message = "A run begins in the graph itself, not in one inside a step: leave 'checkpoint.checkpoint_ns' empty."
        raise ApiError(422, message, param="checkpoint.checkpoint_ns", code="invalid_value")
    return body.checkpoint.checkpoint_id or body.checkpoint_id


def _layers(assistant: Assistant, before: Row[Any] | None, body: RunCreate) -> list[Layer]:
    """Assistant, then the run that goes on, then the request."""
    config = body.config.model_dump(exclude_none=True) if body.config else {}
    layers = layers_of(assistant.config, assistant.context, prefix="assistant.")
    if before is not None:
        layers.append(Layer("the run before", _settings_of(before, assistant.graph_id)))
    return [*layers, *layers_of(config, body.context or {})]


def _settings_of(before: Row[Any], graph_id: str) -> dict[str, Any]:
    """What a run was given, for the one that goes on with it."""
    limits = {name: value for name, value in before.order["limits"].items() if value is not None}
    found: dict[str, Any] = {"backend": before.backend, "limits": limits}
    if before.input.get("persona") is not None:
        found["persona"] = before.input["persona"]
    if before.input.get("memory") is not None:
        found |= {"memory": before.input["memory"], "user": before.input["user"] or None}
    if before.collection_id is not None:
        found["collection"] = before.collection_id
        if before.order.get("generation") is not None:
            found["generation"] = before.order["generation"]
    if before.pipeline == graph_id:
        found["options"] = before.order["options"]
    return found


async def _parts(asked: Asked, assistant: Assistant, settled: Settled) -> Parts:
    settings, config = settled.settings, asked.body.config
    limits = settings.limits or RunLimits()
    if config is not None and config.recursion_limit is not None:
        steps = min(config.recursion_limit, limits.steps or config.recursion_limit)
        limits = limits.model_copy(update={"steps": steps})
    names = ("collection", "generation", "backend", "user", "memory", "persona", "options")
    extension = Extension(limits=limits, **{name: getattr(settings, name) for name in names})
    with settled.blaming():
        return await parts_of(asked.request, assistant.graph_id, extension)


def _input(
    body: RunCreate, base: Snapshot, before: Row[Any] | None, pipeline: Pipeline
) -> tuple[RunInput, dict[str, str]]:
    from agents.run import RunInput

    if body.input is not None:
        return read_input(body.input, base, pipeline)
    return RunInput.model_validate(before.input) if before is not None else RunInput(question=""), {}


def _remembered(body: RunCreate, assistant: Assistant, ids: Mapping[str, str]) -> dict[str, Any]:
    about = body.model_dump(mode="json", exclude_none=True, exclude={"metadata", "assistant_id"})
    kept = {"assistant_id": assistant.id, "stream_mode": modes_of(body.stream_mode), "message_ids": dict(ids)}
    return {**about, **kept}
