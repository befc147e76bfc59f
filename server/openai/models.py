"""/v1/models: every pipeline, every pipeline on every collection, the embedder, and the embedders trained here."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from sqlalchemy import or_, select

from agents import catalog as pipelines
from retrieval.errors import EmbedderMissing
from retrieval.tables import collection, generation
from server.errors import ApiError, bad_request
from server.resolve import resolve_model
from server.services import Services, services_of, tenant_of
from server.storage import trainings
from server.trained_models import PREFIX

if TYPE_CHECKING:
    from sqlalchemy import Connection

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
    data += await _trained(services, tenant_of(request))
    return {"object": "list", "data": data}


@router.get("/v1/models/{model:path}")
async def retrieve_model(request: Request, model: str) -> dict[str, Any]:
    services = services_of(request)
    if model == services.collections.embedder(services.settings.embedder)[0].name:
        return model_object(model, SINCE)
    if model.startswith(PREFIX):
        return await _own(services, tenant_of(request), model)
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


@router.delete("/v1/models/{model:path}")
async def delete_model(request: Request, model: str) -> dict[str, Any]:
    """Remove an embedder that was trained here, with its checkpoints, or one checkpoint."""
    services = services_of(request)
    if not model.startswith(PREFIX):
        await retrieve_model(request, model)
        message = f"The model {model!r} comes with the service; those trained here, ft:NAME, can be deleted."
        raise bad_request(message, "model", "model_not_deletable")
    await _own(services, tenant_of(request), model)
    user = await services.database.read(partial(_user, embedder=model, tenant=tenant_of(request)))
    if user is not None:
        message = f"The model {model!r} is the embedder of {user}, which would have to be deleted first."
        raise ApiError(409, message, param="model", code="model_in_use")
    if services.settings.embedder.partition(":step-")[0] == model or services.settings.embedder == model:
        raise ApiError(409, f"The model {model!r} is the setting `embedder`.", param="model", code="model_in_use")
    try:
        await asyncio.to_thread(services.trainings.models.remove, model)
    except EmbedderMissing:
        raise _no_model(model) from None
    services.collections.forget_embedder(model)
    return {"id": model, "object": "model", "deleted": True}


async def _trained(services: Services, tenant: str) -> list[dict[str, Any]]:
    rows = await services.database.read(partial(trainings.succeeded, tenant=tenant))

    def there() -> list[dict[str, Any]]:
        models = services.trainings.models
        return [
            model_object(row.fine_tuned_model, row.finished_at)
            for row in rows
            if models.model(row.fine_tuned_model).is_dir()
        ]

    return await asyncio.to_thread(there)


async def _own(services: Services, tenant: str, model: str) -> dict[str, Any]:
    """Raises ApiError if the tenant has trained no such embedder, or it is gone."""
    models = services.trainings.models
    job_id = models.job_of(model)
    row = await services.database.read(partial(trainings.get, job_id=job_id or "", tenant=tenant))
    if row is None or row.fine_tuned_model != model.partition(":step-")[0]:
        raise _no_model(model)
    try:
        await asyncio.to_thread(models.folder, model)
    except EmbedderMissing:
        raise _no_model(model) from None
    return model_object(model, row.finished_at)


def _no_model(model: str) -> ApiError:
    return ApiError(404, f"There is no model {model!r} that was trained here.", param="model", code="model_not_found")


def _user(db: Connection, embedder: str, tenant: str) -> str | None:
    """Who would miss the embedder, or a checkpoint of it."""
    of_it = or_(generation.c.embedder == embedder, generation.c.embedder.startswith(f"{embedder}:", autoescape=True))
    alive = generation.c.status.not_in(("failed", "cancelled"))
    own = collection.c.tenant == tenant
    there = select(generation.c.id, collection.c.name, collection.c.id, own).select_from(generation.join(collection))
    row = db.execute(there.where(of_it, alive).order_by(own.desc())).first()
    if row is None:
        return None
    return f"the generation {row[0]!r} of {row[1] or row[2]!r}" if row[3] else "a generation of somebody else"
