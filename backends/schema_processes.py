"""The processes in which schemas are checked: started at the first check, kept for the next, replaced when one ends."""

from __future__ import annotations

import atexit
import os
import select
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from backends.schema_worker import LENGTH

CPU_SECONDS: Final = 2.0
"""Of one check. A thousand objects of ten texts each take some 0.2."""
MEMORY_BYTES: Final = 1 << 30
CLOCK_SECONDS: Final = 60.0
"""For a check, whatever the machine is busy with."""
MOST: Final = 2
"""At a time. Further checks wait, on their threads: those that take long leave the machine to the service."""
ROOT: Final = Path(__file__).resolve().parent.parent

Process = subprocess.Popen[bytes]


class Processes:
    def __init__(self, cpu_seconds: float = CPU_SECONDS) -> None:
        self.cpu_seconds = cpu_seconds
        self.slots = threading.BoundedSemaphore(MOST)
        self.lock = threading.Lock()
        self.free: list[Process] = []
        self.closes = False

    def answered(self, request: bytes) -> bytes | None:
        """The answer to a request, as `backends.schema_worker` says; None: it took too much and was ended."""
        with self.slots:
            process = self._taken()
            answer = None
            try:
                answer = _exchanged(process, request)
            finally:
                if answer is None:
                    _end(process)
            if answer is not None:
                with self.lock:
                    self.free.append(process)
            return answer

    def _taken(self) -> Process:
        with self.lock:
            if not self.closes:
                self.closes = True
                atexit.register(self.close)
            while self.free:
                process = self.free.pop()
                if process.poll() is None:
                    return process
                _end(process)
        return _started(self.cpu_seconds)

    def close(self) -> None:
        with self.lock:
            while self.free:
                _end(self.free.pop())


OF_THIS_PROCESS: Final = Processes()


def _started(cpu_seconds: float) -> Process:
    """With an empty environment, and without the files of this process."""
    return subprocess.Popen(
        [sys.executable, "-m", "backends.schema_worker", str(cpu_seconds), str(MEMORY_BYTES)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0, cwd=ROOT,
        env={"PYTHONUTF8": "1", "PYTHONDONTWRITEBYTECODE": "1"}, start_new_session=True,
    )  # fmt: skip


def _exchanged(process: Process, request: bytes) -> bytes | None:
    until = time.monotonic() + CLOCK_SECONDS
    stdin, stdout = _streams(process)
    rest = memoryview(LENGTH.pack(len(request)) + request)
    with suppress(BrokenPipeError):
        while rest:
            rest = rest[stdin.write(rest) :]
    head = _read(stdout, LENGTH.size, until)
    return None if head is None else _read(stdout, LENGTH.unpack(head)[0], until)


def _read(stream: IO[bytes], length: int, until: float) -> bytes | None:
    """That many bytes; None: the stream ended before, or the time did."""
    found = bytearray()
    waiting = select.poll()
    waiting.register(stream, select.POLLIN)
    while len(found) < length:
        if not waiting.poll(max(0.0, until - time.monotonic()) * 1000):
            return None
        piece = os.read(stream.fileno(), length - len(found))
        if not piece:
            return None
        found += piece
    return bytes(found)


def _end(process: Process) -> None:
    process.kill()
    for stream in _streams(process):
        stream.close()
    process.wait()


def _streams(process: Process) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout
