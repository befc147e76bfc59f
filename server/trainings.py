"""Trainings of retrievers, one after the other, each in a process below the service. The database is the queue."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import shutil
import time
from collections.abc import Mapping
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from retrieval.database import Database
from retrieval.training.worker import HELD, TRAINING
from server.ids import new_id
from server.storage import files, trainings
from server.storage.blobs import Blobs
from server.trained_models import STATE, TrainedModels
from server.training_process import LOG, TrainingProcess

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

log = logging.getLogger(__name__)

ATTEMPTS = 3
"""Ends of the process, without a new checkpoint between them, after which a training is given up."""


class Progress(NamedTuple):
    done: int
    total: int
    """Steps."""
    finish: float | None
    """When it is likely to end, in seconds of the epoch."""


class Trainings:
    def __init__(self, database: Database, blobs: Blobs, models: TrainedModels) -> None:
        self._database = database
        self._blobs = blobs
        self.models = models
        self._waiting: asyncio.Queue[str] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None
        self._current: tuple[str, TrainingProcess, asyncio.Future[None]] | None = None
        self._progress = Progress(0, 0, None)
        self._stepped: tuple[float, int] | None = None
        self._stopping = False

    async def start(self) -> int:
        """Remove what belongs to no job, and go on with what an earlier process left; returns how much."""
        known = await self._database.read(trainings.statuses)
        await asyncio.to_thread(self._sweep, known)
        rows = await self._database.read(trainings.unfinished)
        for row in rows:
            self.put(row.id)
        self._worker = asyncio.create_task(self._work(), name="trainings")
        return len(rows)

    def _sweep(self, known: Mapping[str, str]) -> None:
        """`known`: status by job. What ended as the process was killed has not been tidied up."""
        self.models.sweep()
        for job_id in list(self.models.jobs()):
            match known.get(job_id):
                case "succeeded":
                    self._tidy(job_id)
                case "failed":
                    self._leave_log(job_id)
                case None | "cancelled":
                    shutil.rmtree(self.models.work(job_id), ignore_errors=True)

    def put(self, job_id: str) -> None:
        """Announce a job that the database holds as `queued`, and whose folder is there."""
        self._waiting.put_nowait(job_id)

    def progress(self, job_id: str) -> Progress | None:
        return self._progress if self._current is not None and self._current[0] == job_id else None

    async def cancel(self, job_id: str) -> bool:
        """End a job; False if it has come to its end. Returns once nothing of it is at work any more."""
        ended = await self._database.write(partial(trainings.end, job_id=job_id, status="cancelled"))
        if ended:
            await self._database.write(partial(trainings.tell, job_id=job_id, message="The job was cancelled."))
            await self._halt(job_id)
            row = await self._database.read(partial(trainings.get, job_id=job_id))
            # The worker may just have published what it made.
            made = [self.models.model(self.models.name(job_id, row.asked["suffix"]))] if row is not None else []
            unfinished = [path.with_name(f"{path.name}.new") for path in made]
            for folder in (self.models.work(job_id), *made, *unfinished):
                await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        return ended

    async def stop(self) -> None:
        """Stop at once; what is unfinished goes on from its last checkpoint at the next start."""
        self._stopping = True
        if self._current is not None:
            await self._halt(self._current[0])
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)

    async def _halt(self, job_id: str) -> None:
        if self._current is not None and self._current[0] == job_id:
            _, process, ended = self._current
            process.kill()
            await ended

    async def _work(self) -> None:
        while True:
            job_id = await self._waiting.get()
            process = TrainingProcess(self.models.work(job_id))
            ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._progress, self._stepped = Progress(0, 0, None), None
            self._current = (job_id, process, ended)
            try:
                await self._one(job_id, process)
            except Exception:
                # Not even its failure could be recorded (a full disk); it stays queued for the next start.
                log.exception("the training %s could not be done", job_id)
            finally:
                self._current = None
                ended.set_result(None)
            if self._stopping:
                return

    async def _one(self, job_id: str, process: TrainingProcess) -> None:
        row = await self._database.read(partial(trainings.get, job_id=job_id))
        if row is None or row.status not in trainings.UNFINISHED:
            return
        if row.attempts >= ATTEMPTS:
            why = f"the process ended {row.attempts} times without coming to a new checkpoint: {process.last_words()}"
            await self._fail(job_id, why, None)
            return
        if not await self._database.write(partial(trainings.begin, job_id=job_id)):
            return
        async with aclosing(process.events()) as events:
            async for event in events:
                if await self._heard(row, event):
                    return
        still = await self._database.read(partial(trainings.get, job_id=job_id))
        if not self._stopping and still is not None and still.status in trainings.UNFINISHED:
            log.warning("the process of the training %s ended by itself", job_id)
            self.put(job_id)

    async def _heard(self, row: Row[Any], event: Mapping[str, Any]) -> bool:
        """Keep what the worker tells; True with its last words."""
        kind = event["type"]
        if kind == "progress":
            self._step(event["done"], event["total"])
        elif kind == "done":
            await self._succeed(row, event["about"])
        elif kind == "failed":
            await self._fail(row.id, event["message"], event.get("param"))
        else:
            data = {name: value for name, value in event.items() if name not in ("type", "message")}
            tell = partial(trainings.tell, job_id=row.id, message=_told(event), type=kind, data=data)
            await self._database.write(tell)
            if kind == "checkpoint":
                await self._database.write(partial(trainings.advanced, job_id=row.id))
        return kind in ("done", "failed")

    def _step(self, done: int, total: int) -> None:
        now = time.time()
        if self._stepped is None:
            self._stepped = (now, done)
        began, first = self._stepped
        finish = now + (now - began) / (done - first) * (total - done) if done > first else None
        self._progress = Progress(done, total, finish)

    async def _succeed(self, row: Row[Any], about: dict[str, Any]) -> None:
        text = json.dumps(about, ensure_ascii=False, indent=2).encode()
        file_id, model = new_id("file-"), self.models.name(row.id, row.asked["suffix"])
        size, digest = await asyncio.to_thread(self._blobs.write, file_id, io.BytesIO(text))

        def change(db: Connection) -> None:
            if trainings.end(db, row.id, "succeeded", fine_tuned_model=model, result_file=file_id, about=about):
                files.add_file(
                    db, id=file_id, tenant=row.tenant, filename=f"{model.removeprefix('ft:')}.json", bytes=size,
                    sha256=digest, purpose="fine-tune-results",
                )  # fmt: skip
                trainings.tell(db, row.id, f"The embedder {model} is ready.", data={"measured": about["measured"]})

        await self._database.write(change)
        await asyncio.to_thread(self._tidy, row.id)

    async def _fail(self, job_id: str, why: str, param: str | None) -> None:
        error = {"code": "training_failed", "message": why, "param": param}

        def change(db: Connection) -> None:
            if trainings.end(db, job_id, "failed", error=error):
                trainings.tell(db, job_id, why, level="error")

        await self._database.write(change)
        await asyncio.to_thread(self._leave_log, job_id)

    def _leave_log(self, job_id: str) -> None:
        """Of what failed, keep what its process wrote last."""
        for path in self.models.work(job_id).glob("*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != LOG:
                path.unlink(missing_ok=True)

    def _tidy(self, job_id: str) -> None:
        """Keep the weights of the checkpoints, and nothing of the data."""
        folder = self.models.work(job_id)
        for name in (TRAINING, HELD):
            (folder / name).unlink(missing_ok=True)
        for checkpoint in (folder / "checkpoints").glob("checkpoint-*"):
            for name in STATE:
                (checkpoint / name).unlink(missing_ok=True)


def _told(event: Mapping[str, Any]) -> str:
    if event["type"] == "message":
        return str(event["message"])
    if event["type"] == "checkpoint":
        return f"Step {event['step']}: checkpoint."
    shown = ", ".join(f"{name} {value:.4g}" for name, value in event.items() if name not in ("type", "step", "epoch"))
    return f"Step {event['step']}: {shown}."
