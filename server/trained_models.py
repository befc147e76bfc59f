"""Where trained retrievers lie, and their names: `ft:NAME`, and `ft:NAME:step-N` for a checkpoint of its training."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from retrieval.errors import EmbedderMissing

PREFIX = "ft:"
JOB = "ftjob-"
GONE = "~gone-"
"""Before the name of a folder that is being removed; no suffix can begin so."""
FORM = re.compile(r"ft:(?P<name>[A-Za-z0-9._-]{1,128})(?P<checkpoint>:step-(?P<step>0|[1-9][0-9]{0,8}))?")
SUFFIX = re.compile(r"[A-Za-z0-9._-]{1,64}")
DEFAULT_SUFFIX = "retriever"
STATE = ("optimizer.pt", "scheduler.pt", "rng_state.pth", "training_args.bin", "trainer_state.json", "scaler.pt")
"""Of a checkpoint, what only the training needs."""


class TrainedName(NamedTuple):
    name: str
    """Without prefix and step."""
    step: int | None

    @property
    def job_id(self) -> str:
        return JOB + self.name.rpartition("-")[2]

    def covers(self, spec: str) -> bool:
        """Whether removing this one would take what `spec` names: itself, or a checkpoint of its training."""
        other = read_name(spec)
        return other is not None and other.job_id == self.job_id and self.step in (None, other.step)


def read_name(spec: str) -> TrainedName | None:
    form = FORM.fullmatch(spec)
    if form is None or not form["name"].strip("."):
        return None
    return TrainedName(form["name"], int(form["step"]) if form["checkpoint"] else None)


Moved = Sequence[tuple[Path, Path]]
"""Folders that were set aside: where each was, and where it is."""


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
        found = read_name(spec)
        if found is None:
            raise EmbedderMissing(f"{spec!r} is no name of a trained embedder: write ft:NAME, or ft:NAME:step-N")
        folder = self.model(found.name) if found.step is None else self.checkpoint(found.job_id, found.step)
        if not folder.is_dir():
            raise EmbedderMissing(f"there is no trained embedder {spec!r}: GET /v1/fine_tuning/jobs lists them")
        return folder

    def set_aside(self, found: TrainedName) -> Moved:
        """Let a model with the checkpoints of its training, or one checkpoint, be found no more. Each folder goes as a
        whole, the model last: there is never half of one. Raises FileNotFoundError if it is gone."""
        checkpoints = self.work(found.job_id) / "checkpoints"
        whole = [checkpoints] if checkpoints.is_dir() else []
        folders = [*whole, self.model(found.name)] if found.step is None else [checkpoints / f"checkpoint-{found.step}"]
        return [(folder, folder.rename(folder.with_name(f"{GONE}{folder.name}"))) for folder in folders]

    def put_back(self, moved: Moved) -> None:
        for before, aside in reversed(moved):
            aside.rename(before)

    def remove(self, moved: Moved) -> None:
        for _, aside in moved:
            shutil.rmtree(aside, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what a removal that was cut short has left."""
        for pattern in (f"*/{GONE}*", f"*/checkpoints/{GONE}*"):
            for gone in self._work.glob(pattern):
                shutil.rmtree(gone, ignore_errors=True)
        for gone in self._models.glob(f"{GONE}*"):
            shutil.rmtree(gone, ignore_errors=True)
