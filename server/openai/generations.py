"""/v1/vector_stores/{id}/generations: the ways in which a collection can be searched, one of them active."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from sqlalchemy import select

from retrieval import chunk_rows, generations, judgments
from retrieval.activation import activate
from retrieval.chunking import from_strategy
from retrieval.errors import BadChunking, BadIndexSpec, EmbedderMissing
from retrieval.indexes.spec import parse
from retrieval.tables import generation
from server.errors import ApiError, bad_request, not_found
from server.ids import new_id
from server.index_check import check_index
from server.openai.paging import PageQuery, fetch, page_object
from server.openai.schema import Body, ChunkingStrategy, Text
from server.openai.vector_stores import existing_store, live_store
from server.services import Services, services_of

router = APIRouter(tags=["generations"])

Share = Annotated[float, Field(gt=0, le=1)]


class GateBody(Body):
    min_recall_at_10: Share | None = None
    max_p99_ms: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    no_worse_ndcg: bool = False
    alpha: Annotated[float, Field(gt=0, lt=1)] = 0.05


class CreateGeneration(Body):
    """What is left out is as the active generation has it."""

    index: Text | None = None
    embedder: Text | None = None
    chunking: ChunkingStrategy | None = None
    target_recall: Share | None = None
    gate: GateBody | None = None


class Activate(Body):
    force: bool = False


def generation_object(services: Services, row: Any, held: int) -> dict[str, Any]:
    """`held`: the chunks it has."""
    done, total = services.builds.progress(row.id) or (held, held)
    return {
        "id": row.id,
        "object": "vector_store.generation",
        "created_at": int(row.created_at),
        "vector_store_id": row.collection_id,
        "status": row.status,
        "progress": {"done": done, "total": total},
        "spec": {"index": row._mapping["index"], "embedder": row.embedder, "chunking": row.chunking},
        "target_recall": row.target_recall,
        "gate": row.gate,
        "metrics": row.metrics,
        "notes": row.notes,
        "error": row.error,
    }


@router.post("/v1/vector_stores/{store_id}/generations", status_code=202)
async def create_generation(request: Request, store_id: str, body: CreateGeneration) -> dict[str, Any]:
    """Queue a generation: it is built behind the active one, measured, and then waits to be activated."""
    services, store = services_of(request), await live_store(request, store_id)
    active = await _existing(services, store_id, store.active_generation)
    chunking = body.chunking.model_dump() if body.chunking is not None else None
    if "chunking" not in body.model_fields_set:
        chunking = active.chunking
    generation_id = new_id("gen_")
    values = {
        "id": generation_id,
        "collection_id": store_id,
        "index": "".join(body.index.split()) if body.index is not None else active._mapping["index"],
        "embedder": body.embedder if body.embedder is not None else active.embedder,
        "chunking": chunking,
        "target_recall": body.target_recall,
        "gate": body.gate.model_dump() if body.gate is not None else None,
    }
    await _check(services, values)
    if body.gate is not None and body.gate.no_worse_ndcg:
        by_query = partial(judgments.by_query, collection_id=store_id)
        if not await services.database.read(by_query):
            message = "'gate.no_worse_ndcg' needs judgments; POST some to .../judgments first."
            raise bad_request(message, "gate.no_worse_ndcg", "no_judgments")
    await services.database.write(partial(generations.create, values=values))
    services.builds.put(store_id, generation_id)
    return await _object(services, store_id, generation_id)


async def _check(services: Services, values: dict[str, Any]) -> None:
    """Raises what can be known before anything is built. Loads the embedder, if it is not the active one's."""
    try:
        dense = parse(values["index"]).dense
        from_strategy(values["chunking"])
        if dense is not None:
            await check_index(services, dense, values["embedder"])
    except BadIndexSpec as error:
        raise bad_request(str(error), "index", "invalid_index") from None
    except BadChunking as error:
        raise bad_request(str(error), "chunking", "invalid_chunking_strategy") from None
    except EmbedderMissing as error:
        raise bad_request(str(error), "embedder", "embedder_missing") from None


@router.get("/v1/vector_stores/{store_id}/generations")
async def list_generations(request: Request, store_id: str, page: Annotated[PageQuery, Query()]) -> dict[str, Any]:
    await existing_store(request, store_id)
    services = services_of(request)
    query = select(generation).where(generation.c.collection_id == store_id)
    at, id = generation.c.created_at, generation.c.id
    rows, more = await services.database.read(lambda db: fetch(db, query, page, at, id))
    held = await _held(services, store_id, rows)
    return page_object(rows, more, lambda row: generation_object(services, row, held[row.id]))


@router.get("/v1/vector_stores/{store_id}/generations/{generation_id}")
async def retrieve_generation(request: Request, store_id: str, generation_id: str) -> dict[str, Any]:
    await existing_store(request, store_id)
    return await _object(services_of(request), store_id, generation_id)


@router.post("/v1/vector_stores/{store_id}/generations/{generation_id}/activate")
async def activate_generation(
    request: Request, store_id: str, generation_id: str, body: Activate = Activate()
) -> dict[str, Any]:  # fmt: skip
    """Search with this one from now on. The one that was active is retired: activating it again is the way back."""
    await live_store(request, store_id)
    services = services_of(request)
    await _existing(services, store_id, generation_id)
    collection = await services.collections.get(store_id)
    replaced = await activate(collection, generation_id, force=body.force)
    return {**await _object(services, store_id, generation_id), "replaced": replaced}


@router.post("/v1/vector_stores/{store_id}/generations/{generation_id}/cancel")
async def cancel_generation(request: Request, store_id: str, generation_id: str) -> dict[str, Any]:
    """End a build; what it made is removed."""
    await existing_store(request, store_id)
    services = services_of(request)
    row = await _existing(services, store_id, generation_id)
    if not await services.builds.cancel(store_id, generation_id):
        message = f"The generation {generation_id!r} is {row.status}: only one that is being built can be cancelled."
        raise ApiError(409, message, param="generation_id", code="generation_not_building")
    return await _object(services, store_id, generation_id)


@router.delete("/v1/vector_stores/{store_id}/generations/{generation_id}")
async def delete_generation(request: Request, store_id: str, generation_id: str) -> dict[str, Any]:
    """Removes a generation that is not active, with its files."""
    await existing_store(request, store_id)
    services = services_of(request)
    await _existing(services, store_id, generation_id)
    await services.builds.cancel(store_id, generation_id)
    if not await services.collections.delete_generation(store_id, generation_id):
        message = f"The generation {generation_id!r} is the active one; activate another before you delete it."
        raise ApiError(409, message, param="generation_id", code="generation_active")
    return {"id": generation_id, "object": "vector_store.generation.deleted", "deleted": True}


async def _existing(services: Services, store_id: str, generation_id: str) -> Any:
    get = partial(generations.get, collection_id=store_id, generation_id=generation_id)
    row = await services.database.read(get)
    if row is None:
        raise not_found("generation", generation_id, "generation_id")
    return row


async def _object(services: Services, store_id: str, generation_id: str) -> dict[str, Any]:
    row = await _existing(services, store_id, generation_id)
    return generation_object(services, row, (await _held(services, store_id, [row]))[row.id])


async def _held(services: Services, store_id: str, rows: Sequence[Any]) -> dict[str, int]:
    """How many chunks each generation has, by id. Those that are loaded know; the database would count them all."""
    collection = services.collections.loaded(store_id)
    lanes = {} if collection is None else {id: lane for id, lane in collection.lanes.items() if lane.refusal is None}
    held = {row.id: 0 if row.id not in lanes else len(lanes[row.id].generation) for row in rows}
    asleep = [row for row in rows if row.id not in lanes and row.status in generations.SEARCHABLE]
    if asleep:
        counts = await services.database.read(partial(chunk_rows.counts, collection_id=store_id))
        held |= {row.id: counts.get(generations.view_key(row.chunking), 0) for row in asleep}
    return held
