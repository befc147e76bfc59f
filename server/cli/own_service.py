"""A service of one's own for the length of a command: a process of this program on a free port."""

from __future__ import annotations

import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from server.cli.failure import CommandFailed
from server.cli.output import note

START_SECONDS = 120.0
"""The embedder's runtime graph may have to be made first, on a slow machine."""
STOP_SECONDS = 30.0
LOG_LINES = 8


@contextmanager
def own_service(data_dir: Path, config: Path | None) -> Iterator[str]:
    """Gives the URL once the service is ready; stops it at the end. Raises CommandFailed if it does not start."""
    options = ["--host", "127.0.0.1", "--port", "0", "--data-dir", str(data_dir)]
    if config is not None:
        options += ["--config", str(config)]
    command = [sys.executable, "-m", "server.cli.main", "serve", *options]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        process = _start(command, log)
        try:
            yield _url(process, log)
            if (code := process.poll()) is not None:
                note(f"The service ended by itself with code {code}: {_last_lines(log)}")
        finally:
            _stop(process)


def _start(command: Sequence[str], log: IO[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)


def _url(process: subprocess.Popen[str], log: IO[str]) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    url = process.stdout.readline().strip() if ready else ""
    if url:
        return url
    why = "it ended" if ready else f"it was not ready within {START_SECONDS:.0f} s"
    raise CommandFailed(f"the service did not start, {why}: {_last_lines(log)}", type="service_failed")


def _last_lines(log: IO[str]) -> str:
    log.seek(0)
    return "".join(log.readlines()[-LOG_LINES:]).strip() or "it said nothing"


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
