"""A run that begins as another one did and goes on by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from agents.errors import BadCassette, NotIdentical
from agents.origins import Forked
from agents.spending import price_of
from retrieval.pinned import Pinned, pinned
from server.errors import bad_request
from server.experts import with_experts
from server.ids import new_uuid
from server.memory import with_memory
from server.persona import with_persona
from server.resolve import check_capabilities, options_for, pipeline_of
from server.runs.order import Order

if TYPE_CHECKING:
    from agents.cassette import Cassette, Recording
    from agents.events import Event
    from server.services import Services


async def fork(
    services: Services, tenant: str, cassette: Cassette, from_step: int, backend: str | None, options: dict[str, Any]
) -> Order:
    """Queue the fork; returns its order. Steps before `from_step` take the recorded answers, the others are live.

    Raises ApiError.
    """
    from agents.fork import begin_again, forkable

    try:
        recording = forkable(cassette, from_step)
    except BadCassette as error:
        raise bad_request(f"{error}.", "from_step", "not_forkable") from None
    order = await _order(services, tenant, recording, from_step, backend, options)
    graph = await services.checkpoints.graph(order.pipeline)
    where = {"run_id": order.run_id, "thread_id": order.thread_id}
    try:
        told = await begin_again(recording, from_step, pipeline=order.pipeline, graph=graph, **where)
    except (BadCassette, NotIdentical) as error:
        message = f"The steps before {from_step} cannot be taken over: {error}."
        raise bad_request(message, "from_step", "not_forkable") from None
    if told:
        told.append(_forked(services, order, from_step, len(told) + 1))
    await services.runs.submit(order, told)
    return order


def _forked(services: Services, order: Order, from_step: int, seq: int) -> Event:
    return Forked(
        seq=seq,
        at=datetime.now(UTC),
        run_id=order.run_id,
        forked_from=order.metadata["forked_from"],
        from_step=from_step,
        backend=order.backend.name,
        capabilities=order.backend.capabilities,
        price=price_of(services.settings.prices, order.backend.name),
        options=order.options.model_dump(mode="json"),
    )


async def _order(
    services: Services,
    tenant: str,
    recording: Recording,
    from_step: int,
    backend: str | None,
    options: dict[str, Any],
) -> Order:
    from agents.cassette import Origin

    pipeline = await with_persona(await pipeline_of(recording.pipeline), recording.input.persona)
    pipeline = await with_memory(pipeline, recording.input.memory)
    row_collection = recording.started.collection if recording.started else None
    shared = await services.backends.get(backend or (recording.started.backend if recording.started else None))
    check_capabilities(pipeline, shared)
    changed = options_for(pipeline, {**recording.options, **options}, tuple(services.tools))
    changed = await with_experts(services, tenant, pipeline, changed, shared, None, searches=row_collection is not None)
    before = Origin(
        forked_from=recording.run_id,
        from_step=from_step,
        options=recording.options,
        limits=recording.limits,
        generation=recording.generation,
    )
    return Order(
        tenant=tenant,
        pipeline=pipeline,
        options=changed,
        input=recording.input,
        sampling=recording.sampling,
        limits=recording.limits.within(services.settings.limits(tenant)),
        backend=shared,
        collection=await _searched(services, row_collection, recording) if row_collection else None,
        run_id=new_uuid(),
        thread_id=new_uuid(),
        continues_thread=True,
        origin=before.model_dump(mode="json") if from_step > 1 else None,
        metadata={"forked_from": recording.run_id, "from_step": from_step},
    )


async def _searched(services: Services, collection_id: str, recording: Recording) -> Pinned:
    """In the generation of the recorded run if it is still there, so that what differs is what was asked to."""
    return await pinned(await services.collections.get(collection_id), None, before=recording.generation)
