"""/v1/vector_stores/{id}/files: the files of a collection and their parsed text."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from sqlalchemy import select

from retrieval import catalog
from retrieval.tables import content, document
from server.errors import ApiError, not_found
from server.openai.paging import PageQuery, fetch, page_object
from server.openai.schema import Attributes, Body, ChunkingStrategy, Text
from server.openai.vector_stores import existing_store, live_store, queue_files, strategy
from server.services import services_of

router = APIRouter(tags=["vector store files"])

ERROR_CODES = {"unsupported_file": "unsupported_file", "server_error": "server_error"}
"""OpenAI's clients know three codes; every other reason of ours is an `invalid_file` whose message says it."""


class AddFile(Body):
    file_id: Text
    attributes: Attributes | None = None
    chunking_strategy: ChunkingStrategy | None = None


class UpdateFile(Body):
    attributes: Attributes | None


def store_file_object(row: Any) -> dict[str, Any]:
    error = row.error_code and {
        "code": ERROR_CODES.get(row.error_code, "invalid_file"),
        "message": row.error_message,
    }
    chunking = row.chunking if row.chunking["type"] == "static" else {"type": "other"}
    return {
        "id": row.file_id,
        "object": "vector_store.file",
        "created_at": int(row.created_at),
        "vector_store_id": row.collection_id,
        "status": row.status,
        "last_error": error,
        "usage_bytes": row.usage_bytes,
        "attributes": row.attributes,
        "chunking_strategy": chunking,
        "filename": row.filename,
        "progress": {"done": row.chunks_done, "total": row.chunks_total},
    }


async def existing_document(request: Request, store_id: str, file_id: str) -> Any:
    await existing_store(request, store_id)
    database = services_of(request).database
    row = await database.read(lambda db: catalog.get_document(db, store_id, file_id))
    if row is None:
        raise not_found("file", file_id, "file_id")
    return row


@router.post("/v1/vector_stores/{store_id}/files")
async def add_file(request: Request, store_id: str, body: AddFile) -> dict[str, Any]:
    """Queue a file for ingest. A file that is there already is read anew and its old chunks are replaced."""
    await live_store(request, store_id)
    wanted = [(body.file_id, body.attributes or {}, strategy(body.chunking_strategy))]
    await queue_files(request, store_id, wanted, param="file_id")
    return store_file_object(await existing_document(request, store_id, body.file_id))


class StoreFileQuery(PageQuery):
    filter: Literal["in_progress", "completed", "failed", "cancelled"] | None = None


async def document_page(request: Request, page: StoreFileQuery, *where: Any) -> dict[str, Any]:
    query = select(document).where(*where)
    if page.filter is not None:
        query = query.where(document.c.status == page.filter)
    at, id = document.c.created_at, document.c.file_id
    rows, more = await services_of(request).database.read(lambda db: fetch(db, query, page, at, id))
    return page_object(rows, more, store_file_object)


@router.get("/v1/vector_stores/{store_id}/files")
async def list_files(request: Request, store_id: str, page: Annotated[StoreFileQuery, Query()]) -> dict[str, Any]:
    await existing_store(request, store_id)
    return await document_page(request, page, document.c.collection_id == store_id)


@router.get("/v1/vector_stores/{store_id}/files/{file_id}")
async def retrieve_file(request: Request, store_id: str, file_id: str) -> dict[str, Any]:
    return store_file_object(await existing_document(request, store_id, file_id))


@router.post("/v1/vector_stores/{store_id}/files/{file_id}")
async def update_file(request: Request, store_id: str, file_id: str, body: UpdateFile) -> dict[str, Any]:
    """Replace the attributes that filters look at."""
    await existing_document(request, store_id, file_id)
    collection = await services_of(request).collections.get(store_id)
    await collection.set_attributes(file_id, body.attributes or {})
    return store_file_object(await existing_document(request, store_id, file_id))


@router.delete("/v1/vector_stores/{store_id}/files/{file_id}")
async def delete_file(request: Request, store_id: str, file_id: str) -> dict[str, Any]:
    """Takes the file out of the store; the file itself stays."""
    await existing_document(request, store_id, file_id)
    collection = await services_of(request).collections.get(store_id)
    if not await collection.remove_file(file_id):
        raise not_found("file", file_id, "file_id")
    return {"id": file_id, "object": "vector_store.file.deleted", "deleted": True}


@router.get("/v1/vector_stores/{store_id}/files/{file_id}/content")
async def file_content(request: Request, store_id: str, file_id: str) -> dict[str, Any]:
    """The parsed text, whole, in one part: the `start` and `end` of citations and hits count its code points."""
    row = await existing_document(request, store_id, file_id)
    if row.content_id is None:
        message = f"The file {file_id!r} has no parsed text: its status is {row.status!r}."
        raise ApiError(409 if row.status == "in_progress" else 400, message, param="file_id", code="no_content")
    query = select(content).where(content.c.id == row.content_id)
    text = (await services_of(request).database.read(lambda db: db.execute(query).one())).text
    return {
        "object": "vector_store.file_content.page",
        "file_id": file_id,
        "filename": row.filename,
        "attributes": row.attributes,
        "data": [{"type": "text", "text": text}],
        "has_more": False,
        "next_page": None,
    }
