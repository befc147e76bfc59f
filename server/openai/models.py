"""/v1/models: every pipeline, every pipeline on every collection, the embedder, and the embedders trained here."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy import select

from agents import catalog as pipelines
from retrieval.errors import EmbedderMissing
from retrieval.tables import collection
from server.errors import ApiError, bad_request
from server.resolve import resolve_model
from server.services import Services, services_of, tenant_of
from server.storage import trainings
from server.trained_models import PREFIX, TrainedName, read_name
from server.trained_use import user_of

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
    own = model_object(services.collections.embedder(services.settings.embedder)[0].name, SINCE)
    trained = await _trained(services, tenant_of(request))
    data += [own, *(model for model in trained if model["id"] != own["id"])]
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
    await _remove(services, tenant_of(request), model)
    return {"id": model, "object": "model", "deleted": True}


async def _remove(services: Services, tenant: str, model: str) -> None:
    """Raises ApiError if it is gone, or somebody has it: who came while it went away has it back."""
    models, found = services.trainings.models, read_name(model)
    if found is None:
        raise _no_model(model)
    await _check_free(services, tenant, found, model)
    try:
        moved = await asyncio.to_thread(models.set_aside, found)
    except FileNotFoundError:
        raise _no_model(model) from None
    services.collections.forget_embedders(found.covers)
    try:
        await _check_free(services, tenant, found, model)
    except ApiError:
        await asyncio.to_thread(models.put_back, moved)
        raise
    await asyncio.to_thread(models.remove, moved)


async def _check_free(services: Services, tenant: str, found: TrainedName, model: str) -> None:
    user = await services.database.read(partial(user_of, found=found, tenant=tenant))
    if found.covers(services.settings.embedder):
        user = "the setting `embedder`"
    if user is not None:
        message = f"The model {model!r} is needed by {user}; it can be deleted once that is gone, or has another."
        raise ApiError(409, message, param="model", code="model_in_use")


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
    found = read_name(model)
    job_id = found.job_id if found is not None else ""
    row = await services.database.read(partial(trainings.get, job_id=job_id, tenant=tenant))
    if found is None or row is None or row.fine_tuned_model != f"{PREFIX}{found.name}":
        raise _no_model(model)
    try:
        await asyncio.to_thread(services.trainings.models.folder, model)
    except EmbedderMissing:
        raise _no_model(model) from None
    return model_object(model, row.finished_at)


def _no_model(model: str) -> ApiError:
    return ApiError(404, f"There is no model {model!r} that was trained here.", param="model", code="model_not_found")
