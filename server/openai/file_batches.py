"""/v1/vector_stores/{id}/file_batches: many files at once, followed as one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from sqlalchemy import update

from retrieval.tables import document
from server.errors import bad_request, not_found
from server.ids import new_id
from server.openai.schema import Attributes, Body, ChunkingStrategy, Text
from server.openai.store_files import StoreFileQuery, document_page
from server.openai.vector_stores import (
    NO_FILES,
    STATUSES,
    existing_store,
    file_counts,
    live_store,
    queue_files,
    strategy,
)
from server.services import services_of
from server.storage import files

router = APIRouter(tags=["vector store file batches"])

MOST = 2_000
"""Files in one batch, as OpenAI has it."""


class BatchFile(Body):
    file_id: Text
    attributes: Attributes | None = None
    chunking_strategy: ChunkingStrategy | None = None


class CreateBatch(Body):
    file_ids: Annotated[list[Text], Field(min_length=1, max_length=MOST)] | None = None
    files: Annotated[list[BatchFile], Field(min_length=1, max_length=MOST)] | None = None
    attributes: Attributes | None = None
    chunking_strategy: ChunkingStrategy | None = None


async def batch_object(request: Request, store_id: str, batch_id: str) -> dict[str, Any]:
    await existing_store(request, store_id)
    row = await services_of(request).database.read(lambda db: files.get_batch(db, store_id, batch_id))
    if row is None:
        raise not_found("file batch", batch_id, "batch_id")
    counts = (await file_counts(request, [store_id], document.c.batch_id == batch_id)).get(store_id, NO_FILES)
    status = "in_progress" if counts["in_progress"] else "cancelled" if row.cancelled else "completed"
    if status == "completed" and counts["total"] and counts["failed"] == counts["total"]:
        status = "failed"
    return {
        "id": batch_id,
        "object": "vector_store.files_batch",
        "created_at": int(row.created_at),
        "vector_store_id": store_id,
        "status": status,
        "file_counts": {name: counts[name] for name in (*STATUSES, "total")},
    }


@router.post("/v1/vector_stores/{store_id}/file_batches")
async def create_batch(request: Request, store_id: str, body: CreateBatch) -> dict[str, Any]:
    await live_store(request, store_id)
    if (body.file_ids is None) == (body.files is None):
        raise bad_request("Give either 'file_ids' or 'files'.", "file_ids", "invalid_value")
    if body.files is not None:
        if body.attributes is not None or body.chunking_strategy is not None:
            raise bad_request("With 'files', set attributes on each file.", "attributes", "invalid_value")
        wanted = {f.file_id: (f.file_id, dict(f.attributes or {}), strategy(f.chunking_strategy)) for f in body.files}
    else:
        common = (dict(body.attributes or {}), strategy(body.chunking_strategy))
        wanted = {id: (id, *common) for id in body.file_ids or []}
    batch_id = new_id("vsfb_")
    param = "files" if body.files is not None else "file_ids"
    await queue_files(request, store_id, list(wanted.values()), param=param, batch_id=batch_id)
    return await batch_object(request, store_id, batch_id)


@router.get("/v1/vector_stores/{store_id}/file_batches/{batch_id}")
async def retrieve_batch(request: Request, store_id: str, batch_id: str) -> dict[str, Any]:
    return await batch_object(request, store_id, batch_id)


@router.post("/v1/vector_stores/{store_id}/file_batches/{batch_id}/cancel")
async def cancel_batch(request: Request, store_id: str, batch_id: str) -> dict[str, Any]:
    """Files of the batch that are not finished are not read any more; a batch without any stays as it is."""
    await batch_object(request, store_id, batch_id)
    waiting = (
        document.c.collection_id == store_id,
        document.c.batch_id == batch_id,
        document.c.status == "in_progress",
    )
    cancel = update(document).where(*waiting).values(status="cancelled")

    def change(db: Any) -> None:
        if db.execute(cancel).rowcount:
            files.mark_cancelled(db, batch_id)

    await services_of(request).database.write(change)
    return await batch_object(request, store_id, batch_id)


@router.get("/v1/vector_stores/{store_id}/file_batches/{batch_id}/files")
async def list_files(
    request: Request, store_id: str, batch_id: str, page: Annotated[StoreFileQuery, Query()]
) -> dict[str, Any]:
    await batch_object(request, store_id, batch_id)
    return await document_page(request, page, document.c.collection_id == store_id, document.c.batch_id == batch_id)
