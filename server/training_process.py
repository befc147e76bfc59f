"""The process that trains (retrieval.training.worker): started, listened to, ended."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOG = "worker.log"
LONGEST_LINE = 1 << 22
SHOWN = 2_000


class TrainingProcess:
    """Ends with the service however that ends: the worker watches its stdin, which nobody else holds open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: Process | None = None
        self._killed = False

    async def events(self) -> AsyncGenerator[dict[str, Any]]:
        """What the worker tells, until its end."""
        with (self._folder / LOG).open("ab") as log:
            command = (sys.executable, "-m", "retrieval.training.worker", str(self._folder))
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, stderr=log, cwd=ROOT, limit=LONGEST_LINE
            )
        self._process = process
        if self._killed:
            self.kill()
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                yield json.loads(line)
        finally:
            self.kill()
            # Also reads what is left in the pipe, without which the transport would stay open.
            await process.communicate()

    def kill(self) -> None:
        self._killed = True
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()

    def last_words(self) -> str:
        """The end of its log."""
        try:
            return (self._folder / LOG).read_text("utf-8", "replace")[-SHOWN:].strip() or "it said nothing"
        except OSError:
            return "it left no log"
