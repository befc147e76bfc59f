"""The service's end of the sandbox's own process (`zygote.py`): starts it, asks for sessions, hears of their ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tools.sandbox.base import Limits
from tools.sandbox.errors import SandboxUnavailable

START_SECONDS = 60.0
"""pandas and matplotlib come from a cold disk, and matplotlib may have to list the fonts first."""
LONGEST_WORD = 1 << 16
MODULE = "tools.sandbox.zygote"
REPORT = "run `sandtable doctor`, or choose another tier with the setting 'sandbox'"


@dataclass(frozen=True)
class Ended:
    code: int
    """Exit status; negative: the signal that ended it."""
    why: str


@dataclass
class Birth:
    pid: int
    pidfd: int
    ended: asyncio.Future[Ended] = field(repr=False)


class Keeper:
    """Of one loop. Made by `start_keeper`."""

    def __init__(self, process: asyncio.subprocess.Process, channel: socket.socket) -> None:
        self.about: dict[str, Any] = {}
        """What the process said of itself when it was ready."""
        self.alive = True
        self._process = process
        self._channel = channel
        self._births: dict[int, asyncio.Future[Birth]] = {}
        self._ends: dict[int, asyncio.Future[Ended]] = {}
        self._ready: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._numbers = iter(range(1 << 62))
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(channel.fileno(), self._hear)

    async def ready(self) -> None:
        """Raises SandboxUnavailable."""
        try:
            async with asyncio.timeout(START_SECONDS):
                self.about = await self._ready
        except TimeoutError:
            raise SandboxUnavailable(
                f"the sandbox's process was not ready within {START_SECONDS:g} s", REPORT
            ) from None
        except EOFError:
            said = (
                (await self._process.stderr.read(4000)).decode(errors="replace").strip() if self._process.stderr else ""
            )
            last = said.splitlines()[-1] if said else "it said nothing"
            raise SandboxUnavailable(f"the sandbox's process ended as it started: {last}", REPORT) from None

    async def spawn(self, work: Path, limits: Limits, talk: socket.socket, output: int) -> tuple[int, Birth]:
        """A session's process, and its number here; the descriptors are the process's then, and closed here.

        Raises SandboxUnavailable.
        """
        number = next(self._numbers)
        born: asyncio.Future[Birth] = self._loop.create_future()
        self._births[number] = born
        self._ends[number] = self._loop.create_future()
        order = {"do": "spawn", "id": number, "work": str(work), "limits": asdict(limits)}
        try:
            self._say(order, talk.fileno(), output)
        finally:
            talk.close()
            os.close(output)
        try:
            return number, await born
        except EOFError:
            raise SandboxUnavailable("the sandbox's process ended; the next call starts another", REPORT) from None

    def watch(self, number: int) -> None:
        self._say({"do": "watch", "id": number})

    def rest(self, number: int) -> None:
        self._say({"do": "rest", "id": number})

    async def aclose(self) -> None:
        self._lose()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    def _say(self, message: dict[str, Any], *fds: int) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, OSError):
            socket.send_fds(self._channel, [json.dumps(message).encode()], fds)

    def _hear(self) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(self._channel, LONGEST_WORD, 1)
        except BlockingIOError:
            return
        except OSError:
            data, fds = b"", []
        if not data:
            self._lose()
            return
        message = json.loads(data)
        match message:
            case {"ready": True}:
                if not self._ready.done():
                    self._ready.set_result(message)
            case {"spawned": int(number)}:
                self._born(number, fds[0])
            case {"failed": int(number), "why": str(why)}:
                if (waiting := self._births.pop(number, None)) is not None and not waiting.done():
                    waiting.set_exception(SandboxUnavailable(why, REPORT))
            case {"ended": int(number), "code": int(code), "why": str(why)}:
                if (end := self._ends.pop(number, None)) is not None and not end.done():
                    end.set_result(Ended(code, why))

    def _born(self, number: int, pidfd: int) -> None:
        born = self._births.pop(number, None)
        if born is None or born.done():  # whoever wanted it is gone
            kill(pidfd)
            os.close(pidfd)
        else:
            born.set_result(Birth(_pid(pidfd), pidfd, self._ends[number]))

    def _lose(self) -> None:
        """The process is gone, or about to be: everybody who waits for it is told."""
        if not self.alive:
            return
        self.alive = False
        self._loop.remove_reader(self._channel.fileno())
        self._channel.close()
        waits: list[asyncio.Future[Any]] = [self._ready, *self._births.values()]
        for waiting in waits:
            if not waiting.done():
                waiting.set_exception(EOFError())
                waiting.exception()  # somebody may no longer be waiting
        for end in self._ends.values():
            if not end.done():
                end.set_result(Ended(-9, "the sandbox's own process ended"))


def _pid(pidfd: int) -> int:
    """As it is numbered here: in a namespace of its own the process has another number."""
    fields = Path(f"/proc/self/fdinfo/{pidfd}").read_text("ascii").split()
    return int(fields[fields.index("Pid:") + 1])


def kill(pidfd: int) -> None:
    """By descriptor: a number could be another process's by now."""
    import signal

    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)


async def start_keeper(prefix: Sequence[str], cache: Path, load: bool) -> Keeper:
    """`prefix`: a command that the process is started by, bubblewrap's; `cache`: for matplotlib's list of fonts.

    Raises SandboxUnavailable.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    with theirs:
        command = [*prefix, sys.executable, "-I", "-X", "utf8", "-m", MODULE]
        try:
            process = await asyncio.create_subprocess_exec(
                *command, str(theirs.fileno()), json.dumps({"load": load}),
                pass_fds=[theirs.fileno()], env=environment(cache), cwd="/", start_new_session=True,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
        except OSError as error:
            ours.close()
            raise SandboxUnavailable(f"{command[0]!r} cannot be started: {error.strerror}", REPORT) from None
    keeper = Keeper(process, ours)
    try:
        await keeper.ready()
    except BaseException:
        await keeper.aclose()
        raise
    return keeper


def environment(cache: Path) -> dict[str, str]:
    """All of it: nothing of the service's own is handed on. The dots are the work folder, in each session its own."""
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": ".",
        "TMPDIR": ".",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": str(cache),
        # One thread: a process with several cannot be copied safely, and each would take a heap of its own.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }
