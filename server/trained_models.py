"""Where trained retrievers lie, and their names: `ft:NAME`, and `ft:NAME:step-N` for a checkpoint of its training."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from retrieval.errors import EmbedderMissing

PREFIX = "ft:"
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
