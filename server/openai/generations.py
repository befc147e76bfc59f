"""GET /v1/vector_stores/{id}/generations: the ways in which a collection can be searched, one of them active."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy import func, select

from retrieval.tables import chunk, generation
from server.errors import not_found
from server.openai.paging import PageQuery, fetch, page_object
from server.openai.vector_stores import existing_store
from server.services import services_of

router = APIRouter(tags=["generations"])


def generation_object(row: Any, chunks: int) -> dict[str, Any]:
    return {
        "id": row.id,
        "object": "vector_store.generation",
        "created_at": int(row.created_at),
        "vector_store_id": row.collection_id,
        "status": row.status,
        "progress": {"done": chunks, "total": chunks},
        "spec": {"index": row._mapping["index"], "embedder": row.embedder, "chunking": row.chunking},
        "metrics": None,
        "notes": row.notes,
        "error": row.error,
    }


async def _chunks(request: Request, store_id: str) -> int:
    count = select(func.count()).select_from(chunk).where(chunk.c.collection_id == store_id)
    return await services_of(request).database.read(lambda db: db.execute(count).scalar_one())


@router.get("/v1/vector_stores/{store_id}/generations")
async def list_generations(request: Request, store_id: str, page: Annotated[PageQuery, Query()]) -> dict[str, Any]:
    await existing_store(request, store_id)
    query = select(generation).where(generation.c.collection_id == store_id)
    at, id = generation.c.created_at, generation.c.id
    rows, more = await services_of(request).database.read(lambda db: fetch(db, query, page, at, id))
    chunks = await _chunks(request, store_id)
    return page_object(rows, more, lambda row: generation_object(row, chunks))


@router.get("/v1/vector_stores/{store_id}/generations/{generation_id}")
async def retrieve_generation(request: Request, store_id: str, generation_id: str) -> dict[str, Any]:
    await existing_store(request, store_id)
    query = select(generation).where(generation.c.collection_id == store_id, generation.c.id == generation_id)
    row = await services_of(request).database.read(lambda db: db.execute(query).one_or_none())
    if row is None:
        raise not_found("generation", generation_id, "generation_id")
    return generation_object(row, await _chunks(request, store_id))
