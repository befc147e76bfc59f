"""/v1/vector_stores: collections under the name that OpenAI's clients know."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from sqlalchemy import func, select, update

from retrieval import catalog
from retrieval.catalog import NewDocument
from retrieval.indexes.spec import parse
from retrieval.tables import collection, document
from server.errors import ApiError, bad_request, not_found
from server.ids import new_id
from server.index_check import check_index
from server.openai.paging import PageQuery, fetch, page_object
from server.openai.schema import UNICODE, Body, ChunkingStrategy, ExpiresAfter, Metadata, Name, Text
from server.services import services_of, tenant_of
from server.storage import files

router = APIRouter(tags=["vector stores"])

STATUSES = ("in_progress", "completed", "failed", "cancelled")
DAY = 86_400


class StoreExtension(Body):
    """Ours beside OpenAI's fields: how the collection's first generation searches."""

    index: Text = "auto"


class CreateStore(Body):
    name: Name | None = None
    description: Annotated[str, Field(max_length=4096), UNICODE] | None = None
    file_ids: Annotated[list[Text], Field(max_length=10_000)] | None = None
    metadata: Metadata | None = None
    chunking_strategy: ChunkingStrategy | None = None
    expires_after: ExpiresAfter | None = None
    sandtable: StoreExtension | None = None


class UpdateStore(Body):
    name: Name | None = None
    metadata: Metadata | None = None
    expires_after: ExpiresAfter | None = None


async def file_counts(request: Request, ids: Sequence[str], *more: Any) -> dict[str, dict[str, int]]:
    """Files per status of collections, by collection id; `more`: conditions on the files."""
    query = select(document.c.collection_id, document.c.status, func.count(), func.sum(document.c.usage_bytes))
    query = query.where(document.c.collection_id.in_(ids), *more).group_by(document.c.collection_id, document.c.status)
    rows = await services_of(request).database.read(lambda db: db.execute(query).all())
    found: dict[str, dict[str, int]] = {}
    for collection_id, status, count, usage in rows:
        counts = found.setdefault(collection_id, {**dict.fromkeys(STATUSES, 0), "total": 0, "bytes": 0})
        counts[status] = count
        counts["total"] += count
        counts["bytes"] += usage or 0
    return found


NO_FILES = {**dict.fromkeys(STATUSES, 0), "total": 0, "bytes": 0}


def expires_at(row: Any) -> int | None:
    return None if row.expires_after_days is None else int(row.last_active_at + row.expires_after_days * DAY)


def store_object(row: Any, counts: dict[str, int]) -> dict[str, Any]:
    ends = expires_at(row)
    expired = ends is not None and ends < time.time()
    return {
        "id": row.id,
        "object": "vector_store",
        "created_at": int(row.created_at),
        "name": row.name,
        "description": row.description,
        "usage_bytes": counts["bytes"],
        "file_counts": {name: counts[name] for name in (*STATUSES, "total")},
        "status": "expired" if expired else "in_progress" if counts["in_progress"] else "completed",
        "expires_after": row.expires_after_days and {"anchor": "last_active_at", "days": row.expires_after_days},
        "expires_at": ends,
        "last_active_at": int(row.last_active_at),
        "metadata": row.metadata,
        "sandtable": {"active_generation": row.active_generation},
    }


async def existing_store(request: Request, store_id: str) -> Any:
    database = services_of(request).database
    row = await database.read(lambda db: catalog.get_collection(db, tenant_of(request), store_id))
    if row is None:
        raise not_found("vector store", store_id, "vector_store_id")
    return row


async def live_store(request: Request, store_id: str, param: str = "vector_store_id") -> Any:
    """A store that may be searched and written: it exists and has not expired."""
    row = await existing_store(request, store_id)
    ends = expires_at(row)
    if ends is not None and ends < time.time():
        message = f"The vector store {store_id!r} has expired; set a new `expires_after` to use it again."
        raise ApiError(400, message, param=param, code="vector_store_expired")
    return row


async def one_store(request: Request, store_id: str) -> dict[str, Any]:
    row = await existing_store(request, store_id)
    counts = await file_counts(request, [store_id])
    return store_object(row, counts.get(store_id, NO_FILES))


Wanted = tuple[str, dict[str, Any], dict[str, Any]]
"""A file for a store: its id, attributes and chunking strategy."""


def put_files(
    db: Any, tenant: str, store_id: str, wanted: Sequence[Wanted], *, param: str, batch_id: str | None
) -> None:
    """Note files of a store as waiting for ingest. Raises ApiError for one that is not there, naming `param`."""
    # Store and files are looked up in the transaction that uses them: either may be deleted at any time.
    if catalog.get_collection(db, tenant, store_id) is None:
        raise not_found("vector store", store_id, "vector_store_id")
    if batch_id is not None:
        files.add_batch(db, batch_id, store_id)
    for file_id, attributes, chunking in wanted:
        row = files.get_file(db, tenant, file_id)
        if row is None:
            raise not_found("file", file_id, param)
        catalog.put_document(
            db,
            NewDocument(
                collection_id=store_id,
                file_id=file_id,
                filename=row.filename,
                attributes=attributes,
                chunking=chunking,
                batch_id=batch_id,
                attempt=new_id("try_"),
            ),
        )
    db.execute(update(collection).where(collection.c.id == store_id).values(last_active_at=time.time()))


async def queue_files(
    request: Request, store_id: str, wanted: Sequence[Wanted], *, param: str, batch_id: str | None = None
) -> None:
    """Put files into a store's ingest queue, all of them or none. Raises ApiError as `put_files` does."""
    services, tenant = services_of(request), tenant_of(request)
    await services.database.write(lambda db: put_files(db, tenant, store_id, wanted, param=param, batch_id=batch_id))
    for file_id, _, _ in wanted:
        services.ingest.put(store_id, file_id)


def strategy(given: Any) -> dict[str, Any]:
    return {"type": "auto"} if given is None else dict(given.model_dump())


@router.post("/v1/vector_stores")
async def create_store(request: Request, body: CreateStore) -> dict[str, Any]:
    services, store_id = services_of(request), new_id("vs_")
    extension = body.sandtable or StoreExtension()
    dense = parse(extension.index).dense
    if dense is not None and dense.startswith(("faiss:", "pgvector:")):
        await check_index(services, dense, services.settings.embedder)
    tenant, ids = tenant_of(request), list(dict.fromkeys(body.file_ids or []))
    wanted: list[Wanted] = [(file_id, {}, strategy(body.chunking_strategy)) for file_id in ids]

    def make(db: Any) -> None:
        catalog.create_collection(
            db,
            id=store_id,
            tenant=tenant,
            name=body.name or "",
            description=body.description or "",
            metadata=body.metadata or {},
            expires_after_days=body.expires_after.days if body.expires_after else None,
            generation_id=new_id("gen_"),
            index="".join(extension.index.split()),
            embedder=services.settings.embedder,
        )
        put_files(db, tenant, store_id, wanted, param="file_ids", batch_id=None)

    await services.database.write(make)
    for file_id in ids:
        services.ingest.put(store_id, file_id)
    return await one_store(request, store_id)


class StoreQuery(PageQuery):
    name: str | None = None
    """Ours: only stores of exactly this name."""


@router.get("/v1/vector_stores")
async def list_stores(request: Request, page: Annotated[StoreQuery, Query()]) -> dict[str, Any]:
    query = select(collection).where(collection.c.tenant == tenant_of(request))
    if page.name is not None:
        query = query.where(collection.c.name == page.name)
    at, id = collection.c.created_at, collection.c.id
    rows, more = await services_of(request).database.read(lambda db: fetch(db, query, page, at, id))
    counts = await file_counts(request, [row.id for row in rows])
    return page_object(rows, more, lambda row: store_object(row, counts.get(row.id, NO_FILES)))


@router.get("/v1/vector_stores/{store_id}")
async def retrieve_store(request: Request, store_id: str) -> dict[str, Any]:
    return await one_store(request, store_id)


@router.post("/v1/vector_stores/{store_id}")
async def update_store(request: Request, store_id: str, body: UpdateStore) -> dict[str, Any]:
    await existing_store(request, store_id)
    given = body.model_fields_set
    values: dict[str, Any] = {"last_active_at": time.time()}
    if "name" in given:
        if body.name is None:
            raise bad_request("'name' cannot be null; leave it out to keep the name.", "name", "invalid_value")
        values["name"] = body.name
    if "metadata" in given:
        values["metadata"] = body.metadata or {}
    if "expires_after" in given:
        values["expires_after_days"] = body.expires_after.days if body.expires_after else None
    change = update(collection).where(collection.c.id == store_id).values(values)
    await services_of(request).database.write(lambda db: db.execute(change))
    return await one_store(request, store_id)


@router.delete("/v1/vector_stores/{store_id}")
async def delete_store(request: Request, store_id: str) -> dict[str, Any]:
    """Deletes the store and its indexes; the files stay."""
    await existing_store(request, store_id)
    services = services_of(request)
    await services.builds.forget(store_id)
    await services.collections.delete(store_id)
    return {"id": store_id, "object": "vector_store.deleted", "deleted": True}
