"""What a run is asked to do, as a value: made from a request, or from the row that an earlier process left."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from sqlalchemy import Row

    from agents.pipeline import Options, Pipeline
    from agents.run import RunInput, Sampling
    from agents.spending import Limits
    from backends.base import Backend
    from retrieval.pinned import Pinned
    from server.services import Services


class Start(BaseModel):
    """Where on its thread a run begins; without any of it, with a question at the thread's end."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoint_id: str | None = None
    """None: the thread's latest."""
    command: dict[str, Any] | None = None
    """LangGraph's: `resume`, `update`, `goto`."""
    continues: bool = False
    """Go on with the steps that the checkpoint says are next."""
    interrupt_before: tuple[str, ...] = ()
    interrupt_after: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Order:
    """All that a run needs, checked: nothing of the request can fail any more."""

    tenant: str
    pipeline: Pipeline
    options: Options
    input: RunInput
    sampling: Sampling
    limits: Limits
    backend: Backend
    collection: Pinned | None
    """In the generation that the run searches."""
    run_id: str
    thread_id: str
    kind: Literal["chat", "response", "langgraph", "mcp"] = "chat"
    """The API that it came by."""
    continues_thread: bool = False
    """Whether the thread has, or may have, turns before this one."""
    start: Start = field(default_factory=Start)
    resumes: str | None = None
    """The run whose question it answers."""
    origin: Mapping[str, Any] | None = None
    """Of a fork: `agents.cassette.Origin`, as JSON."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """The client's own."""
    request: Mapping[str, Any] = field(default_factory=dict)
    """What else the API wants to know again of its request, as JSON."""


def row_of(order: Order, *, durable: bool) -> dict[str, Any]:
    """The columns of `server.storage.tables.run` but for its status."""
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
        "durable": durable,
        "metadata": dict(order.metadata),
        "order": {
            "kind": order.kind,
            "options": order.options.model_dump(mode="json"),
            "sampling": order.sampling.model_dump(mode="json"),
            "limits": order.limits.model_dump(mode="json"),
            "start": order.start.model_dump(mode="json"),
            "resumes": order.resumes,
            "origin": order.origin,
            "generation": collection.generation_id if collection and collection.named else None,
            "request": dict(order.request),
        },
    }


async def order_from(services: Services, row: Row[Any]) -> Order:
    """The order that `row` is of. Raises ApiError, BackendError, RetrievalError if what it needs is gone."""
    from agents.run import RunInput, Sampling
    from agents.spending import Limits
    from server.memory import with_memory
    from server.persona import with_persona
    from server.resolve import pipeline_of

    input = RunInput.model_validate(row.input)
    pipeline = await with_persona(await pipeline_of(row.pipeline), input.persona)
    pipeline = await with_memory(pipeline, input.memory)
    given = row.order
    return Order(
        tenant=row.tenant,
        pipeline=pipeline,
        options=pipeline.options.model_validate(given["options"]),
        input=input,
        sampling=Sampling.model_validate(given["sampling"]),
        limits=Limits.model_validate(given["limits"]),
        backend=await services.backends.get(row.backend),
        collection=await _collection(services, row) if row.collection_id else None,
        run_id=row.id,
        thread_id=row.thread_id,
        kind=given["kind"],
        start=Start.model_validate(given["start"]),
        resumes=given["resumes"],
        origin=given.get("origin"),
        request=given.get("request", {}),
        metadata=row.metadata,
    )


async def _collection(services: Services, row: Row[Any]) -> Pinned:
    """What was named must still be there; of what was not, the active generation takes the place."""
    from retrieval.pinned import pinned

    opened = await services.collections.get(row.collection_id)
    return await pinned(opened, row.order.get("generation"), before=row.generation_id)
