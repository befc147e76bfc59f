"""/v1/models: every pipeline, every pipeline on every collection, and the embedder."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import select

from agents import catalog as pipelines
from retrieval.tables import collection
from server.errors import ApiError
from server.resolve import resolve_model
from server.services import services_of, tenant_of

router = APIRouter(tags=["models"])

SINCE = 1_795_392_000
"""`created` of what comes with the software: the day of its first version."""


def model_object(id: str, created: float) -> dict[str, Any]:
    return {"id": id, "object": "model", "created": int(created), "owned_by": "sandtable"}


@router.get("/v1/models")
async def list_models(request: Request) -> dict[str, Any]:
    services = services_of(request)
    query = select(collection).where(collection.c.tenant == tenant_of(request)).order_by(collection.c.created_at)
    rows = await services.database.read(lambda db: db.execute(query).all())
    names = [row.name for row in rows]
    data = [model_object(name, SINCE) for name in pipelines.PIPELINES]
    for row in rows:
        # A name that several collections share, or that is empty, cannot stand for one of them.
        label = row.name if row.name and names.count(row.name) == 1 else row.id
        data += [model_object(f"{name}:{label}", row.created_at) for name in pipelines.PIPELINES if name != "chat"]
    data.append(model_object(services.collections.embedder(services.settings.embedder)[0].name, SINCE))
    return {"object": "list", "data": data}


@router.get("/v1/models/{model:path}")
async def retrieve_model(request: Request, model: str) -> dict[str, Any]:
    services = services_of(request)
    if model == services.collections.embedder(services.settings.embedder)[0].name:
        return model_object(model, SINCE)
    try:
        target = await resolve_model(services, tenant_of(request), model, None)
    except ApiError as error:
        if error.code == "collection_not_found":
            raise ApiError(404, error.message, param="model", code="model_not_found") from None
        raise
    if target.collection_id is None:
        return model_object(model, SINCE)
    wanted = select(collection.c.created_at).where(collection.c.id == target.collection_id)
    created = await services.database.read(lambda db: db.execute(wanted).scalar_one())
    return model_object(model, created)
