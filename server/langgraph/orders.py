"""From the body of a run's request to an order: whatever is wrong with it is said before the run exists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from server.errors import ApiError
from server.ids import new_uuid
from server.langgraph.known_assistants import Assistant, find_assistant
from server.langgraph.run_input import read_input
from server.langgraph.run_schema import RunCreate, ThreadRunCreate
from server.langgraph.run_settings import Layer, Settled, layers_of, read_options, settle
from server.langgraph.run_start import answered_run, read_start
from server.langgraph.run_support import modes_of, refuse_unsupported
from server.langgraph.snapshots import Snapshot, snapshot
from server.mcp.places import collection_named
from server.openai.sandtable import RunLimits
from server.openai.search import generation_of, note_use
from server.resolve import check_capabilities, limits_for, pipeline_of
from server.runs.order import Order

if TYPE_CHECKING:
    from sqlalchemy import Row

    from agents.pipeline import Pipeline
    from agents.run import RunInput
    from agents.spending import Limits
    from backends.base import Backend
    from retrieval.collection import Collection
    from server.services import Services


@dataclass(frozen=True)
class Asked:
    """Who asks for a run, with what, and where."""

    services: Services
    tenant: str
    thread_id: str
    body: RunCreate


async def make_order(asked: Asked) -> Order:
    """Raises ApiError."""
    from agents.run import Sampling

    services, body = asked.services, asked.body
    refuse_unsupported(body)
    assistant = await find_assistant(services, asked.tenant, body.assistant_id)
    pipeline = await pipeline_of(assistant.graph_id)
    head = await snapshot(services, asked.thread_id, pipeline=pipeline.name)
    base = head
    if (checkpoint_id := _checkpoint_id(body)) not in (None, head.checkpoint_id):
        base = await snapshot(services, asked.thread_id, checkpoint_id)
    start = read_start(body, pipeline, base, forks=base is not head)
    goes_on = start.command is not None or start.continues
    before = await answered_run(services, asked.tenant, base) if goes_on else None
    settled = settle(*_layers(assistant, before, body))
    collection = await _collection(asked, pipeline, settled)
    backend, limits = await _means(asked, pipeline, settled)
    input, ids = _input(body, base, before, pipeline)
    order = Order(
        tenant=asked.tenant,
        pipeline=pipeline,
        options=read_options(pipeline, settled),
        input=input,
        sampling=Sampling(),
        limits=limits,
        backend=backend,
        collection=collection,
        run_id=new_uuid(),
        thread_id=asked.thread_id,
        kind="langgraph",
        start=start,
        resumes=before.id if before is not None and base.state.interrupts else None,
        metadata={**(body.config.metadata or {} if body.config else {}), **(body.metadata or {})},
        request=_remembered(body, assistant, ids),
    )
    return replace(order, sampling=Sampling.model_validate(before.order["sampling"])) if before else order


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
    if before.collection_id is not None:
        found["collection"] = before.collection_id
    if before.pipeline == graph_id:
        found["options"] = before.order["options"]
    return found


async def _collection(asked: Asked, pipeline: Pipeline, settled: Settled) -> Collection | None:
    services, settings = asked.services, settled.settings
    with settled.blaming():
        if settings.collection is None:
            if pipeline.needs_collection or settings.generation is not None:
                what = f"The pipeline {pipeline.name!r}" if pipeline.needs_collection else "A generation"
                message = f"{what} needs a collection: name one in 'sandtable.collection'."
                raise ApiError(422, message, param="sandtable.collection", code="collection_required")
            return None
        try:
            row = await collection_named(services, asked.tenant, settings.collection)
        except ApiError as error:
            raise ApiError(error.status, error.message, param="sandtable.collection", code=error.code) from None
        await note_use(services, row)
        collection = await services.collections.get(row.id)
        generation_of(collection, settings.generation, "sandtable.generation")
        return collection


async def _means(asked: Asked, pipeline: Pipeline, settled: Settled) -> tuple[Backend, Limits]:
    """What the run asks, and how much of it."""
    from backends.errors import BackendError
    from server.errors import from_exception

    services, settings, config = asked.services, settled.settings, asked.body.config
    with settled.blaming():
        try:
            backend = await services.backends.get(settings.backend)
        except BackendError as error:
            raise from_exception(error) from None
        check_capabilities(pipeline, backend)
        limits = settings.limits or RunLimits()
        if config is not None and config.recursion_limit is not None:
            steps = min(config.recursion_limit, limits.steps or config.recursion_limit)
            limits = limits.model_copy(update={"steps": steps})
        return backend, limits_for(services, asked.tenant, limits, backend)


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
