"""What a training works with, checked and laid out in its folder before the job exists."""

from __future__ import annotations

import asyncio
import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from retrieval import catalog
from retrieval.errors import EmbedderMissing, TrainingRefused
from retrieval.training import judged
from retrieval.training.bases import Base, base_of
from retrieval.training.examples import Material, line, read
from retrieval.training.fit import check_installed
from retrieval.training.recipe import Recipe
from retrieval.training.train import parts
from retrieval.training.worker import HELD, ORDER, TRAINING
from server.openai.fine_tuning_schema import CreateJob
from server.services import Services
from server.storage import files
from server.trained_models import PREFIX, TrainedModels

STORE = "vs_"
"""A training file may be a collection: its judgments are the training data."""


async def prepared(services: Services, tenant: str, job_id: str, body: CreateJob, recipe: Recipe) -> None:
    """Raises TrainingRefused; leaves nothing behind then."""
    folder = services.trainings.models.work(job_id)
    try:
        await asyncio.to_thread(_begin, services.trainings.models, folder, job_id, body, recipe)
        await _fetch(services, tenant, body.training_file, folder / TRAINING, "training_file")
        if body.validation_file is not None:
            await _fetch(services, tenant, body.validation_file, folder / HELD, "validation_file")
        await asyncio.to_thread(_check, folder, recipe)
    except BaseException:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        raise


def _begin(models: TrainedModels, folder: Path, job_id: str, body: CreateJob, recipe: Recipe) -> None:
    check_installed()
    base = _base(models, body.model)
    folder.mkdir(parents=True)
    name = models.name(job_id, body.suffix)
    order = {"name": name, "base": base.path, "scripts": base.scripts, "out": str(models.model(name))}
    (folder / ORDER).write_text(json.dumps({**order, "recipe": recipe.model_dump()}), "utf-8")


def _base(models: TrainedModels, model: str) -> Base:
    try:
        return base_of(str(models.folder(model)) if model.startswith(PREFIX) else model)
    except EmbedderMissing as error:
        raise TrainingRefused(str(error), "model") from None


async def _fetch(services: Services, tenant: str, given: str, path: Path, param: str) -> None:
    if given.startswith(STORE):
        if await services.database.read(partial(catalog.get_collection, tenant=tenant, collection_id=given)) is None:
            raise TrainingRefused(f"there is no vector store {given!r}", param)
        rows: list[dict[str, Any]] = await services.database.read(partial(judged.rows, collection_id=given))
        if not any("query" in row for row in rows):
            why = f"the vector store {given!r} has no judgments of grade 1 or more; POST some to .../judgments first"
            raise TrainingRefused(why, param)
        await asyncio.to_thread(path.write_text, "\n".join(map(line, rows)), "utf-8")
        return
    if await services.database.read(partial(files.get_file, tenant=tenant, file_id=given)) is None:
        raise TrainingRefused(f"there is no file {given!r}", param)
    await asyncio.to_thread(shutil.copyfile, services.blobs.path(given), path)


def _check(folder: Path, recipe: Recipe) -> None:
    """As the worker will read it, so that it cannot fail for this."""
    material = read(folder / TRAINING)
    held: Material | None = None
    if (folder / HELD).is_file():
        try:
            held = read(folder / HELD)
        except TrainingRefused as error:
            raise TrainingRefused(str(error), "validation_file") from None
        if both := {one.query for one in held.examples} & {one.query for one in material.examples}:
            why = f"{len(both)} of its questions are in the training file too, such as {min(both)!r}"
            raise TrainingRefused(why, "validation_file")
    parts(material, recipe, held)
