"""A run of a pipeline on behalf of a request: recorded from its first event to its last, whoever reads along."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from agents.events import End, Event, RunCancelled, RunFailed, Token
from server.storage import runs

if TYPE_CHECKING:
    from agents.pipeline import Options, Pipeline
    from agents.run import RunInput, Sampling
    from backends.base import Backend
    from retrieval.collection import Collection
    from server.services import Services

STATUS = {"run_finished": "success", "run_failed": "error", "run_cancelled": "cancelled", "run_limited": "limited"}


@dataclass(frozen=True, kw_only=True)
class Order:
    """All that a run needs, checked: nothing of the request can fail any more."""

    tenant: str
    pipeline: Pipeline
    options: Options
    input: RunInput
    sampling: Sampling
    backend: Backend
    collection: Collection | None
    run_id: str
    thread_id: str


def _row(order: Order) -> dict[str, Any]:
    collection = order.collection
    return {
        "id": order.run_id,
        "thread_id": order.thread_id,
        "tenant": order.tenant,
        "pipeline": order.pipeline.name,
        "collection_id": collection.id if collection else None,
        "generation_id": collection.generation_id if collection else None,
        "backend": order.backend.name,
        "input": order.input.model_dump(mode="json"),
        "created_at": time.time(),
    }


async def execute(services: Services, order: Order) -> AsyncGenerator[Event, None]:
    """Run it; yields every event as it happens. All of them are stored by the time the last one is passed on."""
    from agents.run import Deps, Limits
    from agents.stream import stream

    began, collection = time.time(), order.collection
    deps = Deps(
        backend=order.backend,
        retriever=collection,
        options=order.options,
        sampling=order.sampling,
        limits=Limits(model_calls=services.settings.max_model_calls),
        collection=collection.id if collection else None,
        generation=collection.generation_id if collection else None,
    )
    last, said = 0, ""
    services.events.begin(_row(order))
    try:
        async with aclosing(stream(order.pipeline, order.input, deps, run_id=order.run_id)) as events:
            async for event in events:
                services.events.append(event)
                last = event.seq
                if isinstance(event, Token) and event.channel == "answer":
                    said += event.text
                if isinstance(event, End):
                    last = -1
                    await services.events.end(order.run_id, STATUS[event.type], event.answer)
                yield event
    finally:
        if last >= 0:
            # The reader went away. Nothing may be awaited here: a cancelled request is cancelled at every await.
            left = RunCancelled(
                seq=last + 1,
                at=datetime.now(UTC),
                run_id=order.run_id,
                answer=said,
                usage=None,
                seconds=time.time() - began,
            )
            services.events.append(left)
            services.events.end_soon(order.run_id, STATUS[left.type], said)


async def close_abandoned(services: Services) -> int:
    """Give the runs of a killed process an end, so that nobody waits for more; returns how many."""
    left = await services.database.read(runs.abandoned)
    for run_id, seq in left:
        services.events.append(
            RunFailed(
                seq=seq + 1,
                at=datetime.now(UTC),
                run_id=run_id,
                answer="",
                usage=None,
                seconds=0.0,
                error_type="Interrupted",
                message="the service stopped while this run was under way",
            )
        )
        services.events.end_soon(run_id, "interrupted", None)
    if left:
        await services.events.flush()
    return len(left)
