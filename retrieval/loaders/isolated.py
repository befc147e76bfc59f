"""Loading that a bad file cannot take the server down with: C parsers and bombs get a process of their own."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from retrieval.base import Parsed
from retrieval.errors import LoadFailed
from retrieval.loaders.formats import identify
from retrieval.loaders.load import load

# Parsers leak a little; a fresh worker costs a fraction of a second.
_FILES_PER_WORKER: Final = 200
_ROOT: Final = Path(__file__).resolve().parent.parent.parent


class IsolatedLoader:
    """Plain text loads in a thread; every other format in one worker process, started when first needed.

    A worker that crashes, hangs or runs out of memory costs the file it was reading, and the next file gets a new one.
    Belongs to one event loop.
    """

    def __init__(self, timeout_s: float = 60.0, memory_mb: int = 1024, *, command: Sequence[str] | None = None) -> None:
        """`memory_mb`: the worker's address space (Linux). `command`: another program that speaks its protocol."""
        self._timeout_s = timeout_s
        self._command = command or (sys.executable, "-m", "retrieval.loaders.worker", str(memory_mb))
        self._turn = asyncio.Lock()
        self._worker: Process | None = None
        self._files = 0

    async def load(self, path: Path, filename: str) -> Parsed:
        """Return what `retrieval.loaders.load.load` does. Raises LoadFailed: that one's, or `timed_out`."""
        plain = await asyncio.to_thread(_plain, path, filename)
        if plain is not None:
            return plain
        async with self._turn:
            reply = await self._ask(path, filename)
        return await asyncio.to_thread(_parsed, reply)

    async def aclose(self) -> None:
        """End the worker. A load that is under way fails: stop whoever loads first."""
        self._kill()
        async with self._turn:
            await self._discard()

    async def _ask(self, path: Path, filename: str) -> bytes:
        answered = False
        try:
            async with asyncio.timeout(self._timeout_s):
                reply = await self._exchange(path, filename)
            answered = True
            return reply
        except TimeoutError as error:
            raise LoadFailed(
                f"{filename!r} was not read within {self._timeout_s:g} s; split it or save it anew", "timed_out"
            ) from error
        except (asyncio.IncompleteReadError, BrokenPipeError, ConnectionResetError) as error:
            raise LoadFailed(
                f"{filename!r} is damaged, or needs too much memory: the process reading it ended", "invalid_file"
            ) from error
        finally:
            self._files += 1
            if not answered or self._files >= _FILES_PER_WORKER:
                await self._discard()

    async def _exchange(self, path: Path, filename: str) -> bytes:
        worker = self._worker
        if worker is None or worker.returncode is not None:
            worker = await asyncio.create_subprocess_exec(*self._command, stdin=PIPE, stdout=PIPE, cwd=_ROOT)
            self._worker, self._files = worker, 0
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(_request(path, filename, self._timeout_s))
        await worker.stdin.drain()
        return await worker.stdout.readexactly(int.from_bytes(await worker.stdout.readexactly(8), "big"))

    async def _discard(self) -> None:
        self._kill()
        worker, self._worker = self._worker, None
        if worker is not None:
            # Also reads what is left in the pipe, without which the transport would stay open.
            await worker.communicate()

    def _kill(self) -> None:
        if self._worker is not None and self._worker.returncode is None:
            with suppress(ProcessLookupError):
                self._worker.kill()


def _plain(path: Path, filename: str) -> Parsed | None:
    """What is in a file that cannot do harm; None: it might."""
    return None if identify(path, filename).risky else load(path, filename)


def _request(path: Path, filename: str, seconds: float) -> bytes:
    return json.dumps({"path": str(path.absolute()), "filename": filename, "seconds": seconds}).encode() + b"\n"


def _parsed(reply: bytes) -> Parsed:
    value = json.loads(reply)
    if "error" in value:
        raise LoadFailed(value["error"], value["code"])
    return Parsed(**value)
