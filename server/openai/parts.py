"""From `model` and `sandtable` to the parts that a run is made of; both APIs name them alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import Request

from retrieval.pinned import Pinned
from server.errors import bad_request
from server.experts import with_experts
from server.memory import whose_memory, with_memory
from server.openai.sandtable import Extension
from server.openai.search import lane_of, note_use
from server.openai.vector_stores import live_store
from server.own_document import check_document
from server.persona import check_persona, with_persona
from server.resolve import check_capabilities, collection_for, limits_for, options_for, pipeline_of, resolve_model
from server.services import services_of, tenant_of

if TYPE_CHECKING:
    from agents.memory.settings import MemorySettings
    from agents.persona import Persona
    from agents.pipeline import Options, Pipeline
    from agents.spending import Limits
    from backends.base import Backend
    from retrieval.collection import Collection


@dataclass(frozen=True)
class Parts:
    pipeline: Pipeline
    options: Options
    backend: Backend
    collection: Pinned | None
    limits: Limits
    persona: Persona | None
    memory: MemorySettings | None
    user: str
    """Whose the memory is; empty: the thread's."""


GENERATION = "sandtable.generation"


async def parts_of(request: Request, model: str, given: Extension | None, user: str | None = None) -> Parts:
    """`user`: as the API itself names it; `sandtable.user` goes before it. Raises ApiError for whatever does not exist
    or fit."""
    services, tenant, extension = services_of(request), tenant_of(request), given or Extension()
    target = await resolve_model(services, tenant, model, extension.collection)
    if target.collection_id is not None:
        param = "sandtable.collection" if extension.collection else "model"
        store = await live_store(request, target.collection_id, param)
        await note_use(services, store)
    pipeline = await pipeline_of(target.pipeline)
    options = options_for(pipeline, extension.options, tuple(services.tools))
    opened = await collection_for(services, pipeline, target)
    collection = await searched(opened, extension.generation) if opened is not None else None
    if opened is None and extension.generation is not None:
        raise bad_request("A generation belongs to a collection; name one.", GENERATION, "collection_required")
    await check_document(pipeline, options, collection)
    backend = await services.backends.get(extension.backend)
    check_capabilities(pipeline, backend)
    options = await with_experts(
        services, tenant, pipeline, options, backend, extension.limits, searches=opened is not None
    )
    limits = limits_for(services, tenant, extension.limits, backend)
    persona, memory = extension.persona, extension.memory
    check_persona(persona, backend)
    whose = whose_memory(memory, extension.user, user)
    return Parts(
        pipeline=await with_memory(await with_persona(pipeline, persona), memory),
        options=options,
        backend=backend,
        collection=collection,
        limits=limits,
        persona=persona,
        memory=memory,
        user=whose,
    )


async def searched(collection: Collection, generation: str | None, param: str = GENERATION) -> Pinned:
    """The collection as a run searches it, in the generation named or the active one. Raises ApiError,
    EmbedderMismatch."""
    return Pinned(collection, await lane_of(collection, generation, param), generation not in (None, "active"))
