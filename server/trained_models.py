"""Where trained retrievers lie, and their names: `ft:NAME`, and `ft:NAME:step-N` for a checkpoint of its training."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from retrieval.errors import EmbedderMissing

PREFIX = "ft:"
GONE = ".gone-"
"""Before the name of a folder that is being removed."""
JOB = "ftjob-"
FORM = re.compile(r"ft:(?P<name>[A-Za-z0-9._-]{1,128})(?P<checkpoint>:step-(?P<step>\d+))?")
SUFFIX = re.compile(r"[A-Za-z0-9._-]{1,64}")
DEFAULT_SUFFIX = "retriever"
STATE = ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", "trainer_state.json", "scaler.pt")
"""Of a checkpoint, what only the training needs."""


class TrainedModels:
    def __init__(self, data_dir: Path) -> None:
        self._models = data_dir / "models"
        self._work = data_dir / "fine_tuning"

    def name(self, job_id: str, suffix: str | None) -> str:
        """The id of the job is part of it, so that none is ever taken by another."""
        return f"{PREFIX}{suffix or DEFAULT_SUFFIX}-{job_id.removeprefix(JOB)}"

    def model(self, name: str) -> Path:
        return self._models / name.removeprefix(PREFIX)

    def work(self, job_id: str) -> Path:
        return self._work / job_id

    def jobs(self) -> Iterable[str]:
        """Those of which something is kept."""
        return [path.name for path in self._work.glob("*")]

    def checkpoint(self, job_id: str, step: int) -> Path:
        return self.work(job_id) / "checkpoints" / f"checkpoint-{step}"

    def job_of(self, spec: str) -> str | None:
        """The id of the job that a name holds; None if it is no such name."""
        form = FORM.fullmatch(spec)
        return JOB + form["name"].rpartition("-")[2] if form is not None else None

    def remove(self, spec: str) -> None:
        """A model with the checkpoints of its training, or one checkpoint. Raises EmbedderMissing."""
        folder, job_id = self.folder(spec), self.job_of(spec)
        # Renamed first: there is never half a model.
        gone = folder.rename(folder.with_name(f"{GONE}{folder.name}"))
        shutil.rmtree(gone, ignore_errors=True)
        if folder.parent == self._models and job_id is not None:
            shutil.rmtree(self.work(job_id) / "checkpoints", ignore_errors=True)

    def sweep(self) -> None:
        """Remove what a removal that was cut short has left."""
        for gone in (*self._models.glob(f"{GONE}*"), *self._work.glob(f"*/checkpoints/{GONE}*")):
            shutil.rmtree(gone, ignore_errors=True)

    def folder(self, spec: str) -> Path:
        """Raises EmbedderMissing."""
        form = FORM.fullmatch(spec)
        if form is None or not form["name"].strip("."):
            raise EmbedderMissing(f"{spec!r} is no name of a trained embedder: write ft:NAME, or ft:NAME:step-N")
        folder = self.model(form["name"])
        if form["checkpoint"]:
            folder = self.checkpoint(JOB + form["name"].rpartition("-")[2], int(form["step"]))
        if not folder.is_dir():
            raise EmbedderMissing(f"there is no trained embedder {spec!r}: GET /v1/fine_tuning/jobs lists them")
        return folder
