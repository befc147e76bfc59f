"""/v1/fine_tuning/jobs: retrievers are trained, and become embedders that a generation can have."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from sqlalchemy import select

from retrieval.errors import TrainingRefused
from retrieval.training.recipe import Recipe
from server.errors import ApiError, bad_request, not_found
from server.ids import new_id
from server.openai.fine_tuning_data import prepared
from server.openai.fine_tuning_schema import CreateJob, hyperparameters, recipe_of
from server.openai.paging import PageQuery, fetch, page_object
from server.services import Services, services_of, tenant_of
from server.storage import trainings
from server.storage.tables import training_event, training_job
from server.trained_models import JOB

router = APIRouter(tags=["fine-tuning"])


def job_object(services: Services, row: Any) -> dict[str, Any]:
    shown = hyperparameters(Recipe.model_validate(row.recipe))
    progress, about = services.trainings.progress(row.id), row.about or {}
    training = about.get("training") or {}
    return {
        "id": row.id,
        "object": "fine_tuning.job",
        "model": row.asked["model"],
        "created_at": int(row.created_at),
        "finished_at": None if row.finished_at is None else int(row.finished_at),
        "estimated_finish": None if progress is None or progress.finish is None else int(progress.finish),
        "fine_tuned_model": row.fine_tuned_model,
        "organization_id": "sandtable",
        "result_files": [] if row.result_file is None else [row.result_file],
        "status": row.status,
        "training_file": row.asked["training_file"],
        "validation_file": row.asked["validation_file"],
        "hyperparameters": shown,
        "method": {"type": "supervised", "supervised": {"hyperparameters": shown}},
        "trained_tokens": training.get("trained_tokens"),
        "seed": row.recipe["seed"],
        "integrations": [],
        "metadata": row.metadata,
        "error": row.error,
        "sandtable": {
            "progress": None if progress is None else {"done": progress.done, "total": progress.total},
            "recipe": row.recipe,
            "questions": about.get("questions"),
            "training": about.get("training"),
            "validation": about.get("validation"),
            "measured": about.get("measured"),
            "seconds": about.get("seconds"),
        },
    }


@router.post("/v1/fine_tuning/jobs")
async def create_job(request: Request, body: CreateJob) -> dict[str, Any]:
    """Queue a training; what is wrong with the data, the settings or the model is refused at once."""
    services, recipe, job_id = services_of(request), recipe_of(body), new_id(JOB)
    try:
        await prepared(services, tenant_of(request), job_id, body, recipe)
    except TrainingRefused as error:
        code = {"training_file": "invalid_training_file", "validation_file": "invalid_validation_file"}
        raise bad_request(f"{error}.", error.param, code.get(error.param, "invalid_value")) from None
    asked = body.model_dump(include={"model", "training_file", "validation_file", "suffix"})
    values = {"id": job_id, "tenant": tenant_of(request), "asked": asked, "recipe": recipe.model_dump()}

    def put(db: Any) -> None:
        trainings.create(db, {**values, "metadata": body.metadata})
        trainings.tell(db, job_id, "The job is queued.")

    await services.database.write(put)
    services.trainings.put(job_id)
    return job_object(services, await _existing(request, job_id))


@router.get("/v1/fine_tuning/jobs")
async def list_jobs(request: Request, page: Annotated[PageQuery, Query()]) -> dict[str, Any]:
    services = services_of(request)
    query = select(training_job).where(training_job.c.tenant == tenant_of(request))
    at, id = training_job.c.created_at, training_job.c.id
    rows, more = await services.database.read(lambda db: fetch(db, query, page, at, id))
    return page_object(rows, more, lambda row: job_object(services, row))


@router.get("/v1/fine_tuning/jobs/{job_id}")
async def retrieve_job(request: Request, job_id: str) -> dict[str, Any]:
    return job_object(services_of(request), await _existing(request, job_id))


@router.post("/v1/fine_tuning/jobs/{job_id}/cancel")
async def cancel_job(request: Request, job_id: str) -> dict[str, Any]:
    """End a training; what it made is removed."""
    services, row = services_of(request), await _existing(request, job_id)
    if not await services.trainings.cancel(job_id):
        message = f"The job {job_id!r} is {row.status}: only one that is queued or running can be cancelled."
        raise ApiError(409, message, param="job_id", code="job_not_running")
    return job_object(services, await _existing(request, job_id))


@router.get("/v1/fine_tuning/jobs/{job_id}/events")
async def list_events(request: Request, job_id: str, page: Annotated[PageQuery, Query()]) -> dict[str, Any]:
    await _existing(request, job_id)
    query = select(training_event).where(training_event.c.job_id == job_id)
    at, id = training_event.c.seq, training_event.c.id
    rows, more = await services_of(request).database.read(lambda db: fetch(db, query, page, at, id))
    return page_object(rows, more, _event_object)


@router.get("/v1/fine_tuning/jobs/{job_id}/checkpoints")
async def list_checkpoints(request: Request, job_id: str, page: Annotated[PageQuery, Query()]) -> dict[str, Any]:
    """Those whose weights are kept: the one that validated best and the last, newest first."""
    services, job = services_of(request), await _existing(request, job_id)
    query = select(training_event).where(training_event.c.job_id == job_id, training_event.c.type == "checkpoint")
    at, id = training_event.c.seq, training_event.c.id
    rows, more = await services.database.read(lambda db: fetch(db, query, page, at, id))
    measured = await services.database.read(partial(trainings.metrics, job_id=job_id))
    models = services.trainings.models
    there = [row for row in rows if models.checkpoint(job_id, row.data["step"]).is_dir()]
    name = models.name(job_id, job.asked["suffix"])
    return page_object(there, more, lambda row: _checkpoint_object(row, name, measured.get(row.data["step"], {})))


def _event_object(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "object": "fine_tuning.job.event",
        "created_at": int(row.created_at),
        "level": row.level,
        "type": "metrics" if row.type == "metrics" else "message",
        "message": row.message,
        "data": row.data,
    }


def _checkpoint_object(row: Any, model: str, measured: dict[str, Any]) -> dict[str, Any]:
    step = row.data["step"]
    return {
        "id": row.id.replace("ftevent-", "ftckpt_"),
        "object": "fine_tuning.job.checkpoint",
        "created_at": int(row.created_at),
        "fine_tuned_model_checkpoint": f"{model}:step-{step}",
        "fine_tuning_job_id": row.job_id,
        "step_number": step,
        "metrics": {"step": step, **measured},
    }


async def _existing(request: Request, job_id: str) -> Any:
    get = partial(trainings.get, job_id=job_id, tenant=tenant_of(request))
    row = await services_of(request).database.read(get)
    if row is None:
        raise not_found("fine-tuning job", job_id, "job_id")
    return row
