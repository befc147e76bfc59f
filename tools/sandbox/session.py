"""One session as the service sees it: its process, its work folder, and the code of its cells one after the other.

Between two cells the process is stopped: threads that code left behind use nothing, and nobody changes the folder while
it is read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.sandbox import frames
from tools.sandbox.base import Cell, File, Limits, Ran, State
from tools.sandbox.collect import Collected, Stamp, collect
from tools.sandbox.errors import BadCell, SandboxUnavailable
from tools.sandbox.keeper import Birth, Keeper, kill
from tools.sandbox.place import put, remove

END_SECONDS = 5.0
"""How long the word of a process's end is waited for; the kernel has ended it by then."""
HANG_UP_SECONDS = 1.0
CHANNEL = "the code was stopped: it meddled with the sandbox's own channel"
LOST = "All that earlier code had left in memory and in files is gone; the next call begins anew."


@dataclass(frozen=True)
class _Told:
    reply: dict[str, Any] | None
    """None: the process did not live to give one."""
    ended: str = ""
    """Why it was ended, where the service did it."""


class Session:
    """Made by `open_session`; `lock` is held by whoever runs a cell."""

    def __init__(self, keeper: Keeper, number: int, birth: Birth, talk: socket.socket, output: int, work: Path) -> None:
        self.lock = asyncio.Lock()
        self.alive = True
        self.used = time.monotonic()
        self.pid = birth.pid
        self.work = work
        self._keeper = keeper
        self._number = number
        self._birth = birth
        self._talk = talk
        self._output = output
        self._printed = bytearray()
        self._flood = 0
        self._kept = 0
        self._flooded = asyncio.Event()
        self._cells = 0
        self._seen: dict[str, Stamp] = {}

    async def run(self, cell: Cell, limits: Limits) -> Ran:
        """Raises BadCell. Cancelled, it ends the process."""
        began = time.perf_counter()
        try:
            await asyncio.to_thread(put, self.work, cell.files)
            self._seen |= await asyncio.to_thread(_stamps, self.work, cell.files)
            told = await self._tell(cell.code, limits)
            made = await asyncio.to_thread(collect, self.work, self._seen)
        except BadCell:
            raise
        except BaseException:
            await self.end()
            raise
        self._seen, self._cells = made.seen, self._cells + 1
        self.used = time.monotonic()
        seconds = time.perf_counter() - began
        if told.reply is not None and (reply := _believed(told.reply)) is not None:
            state: State = "new" if self._cells == 1 else "kept"
            return self._ran(made, reply["value"], reply["error"], tuple(reply["notes"]), state, seconds)
        error = told.ended or (CHANNEL if told.reply is not None else await self._epitaph())
        await self.end()
        return self._ran(made, "", error, (LOST,), "lost", seconds)

    async def close(self) -> None:
        """End it from outside; a cell that runs ends first, as lost."""
        if self.alive:
            kill(self._birth.pidfd)
        async with self.lock:
            await self.end()

    async def end(self) -> None:
        """For whoever holds the lock, or where nobody can: no process, descriptor or folder is left."""
        if not self.alive:
            return
        self.alive = False
        kill(self._birth.pidfd)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await asyncio.shield(self._birth.ended)
        os.close(self._birth.pidfd)
        self._talk.close()
        os.close(self._output)
        await asyncio.to_thread(remove, self.work)

    async def hello(self) -> None:
        """Wait until it has shut itself in. Raises SandboxUnavailable."""
        try:
            first = await frames.receive(self._talk)
        except (EOFError, OSError, frames.BadFrame):
            first = {"failed": f"its process hung up: {await self._epitaph()}"}
        if first.get("ready") is not True:
            raise SandboxUnavailable(
                f"a session could not shut itself in: {first.get('failed')}",
                "run `sandtable doctor`, or choose another tier with the setting 'sandbox'",
            )

    def stop(self) -> None:
        self._keeper.rest(self._number)
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._birth.pidfd, signal.SIGSTOP)

    def go_on(self) -> None:
        self._keeper.watch(self._number)
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._birth.pidfd, signal.SIGCONT)

    async def _tell(self, code: str, limits: Limits) -> _Told:
        loop = asyncio.get_running_loop()
        self._printed, self._flood = bytearray(), 0
        self._kept = limits.output_bytes
        self._flooded.clear()
        self.go_on()
        loop.add_reader(self._output, self._overhear, limits.flood_bytes)
        flooded = asyncio.create_task(self._flooded.wait())
        exchange = asyncio.create_task(self._exchange(code))
        try:
            await asyncio.wait({exchange, flooded}, timeout=limits.seconds, return_when=asyncio.FIRST_COMPLETED)
            if exchange.done():
                return exchange.result()
            why = f"the code was stopped after {limits.seconds:g} seconds"
            if flooded.done():
                why = f"the code was stopped: it printed more than {limits.flood_bytes >> 20} MiB"
            kill(self._birth.pidfd)
            return _Told(None, why)
        finally:
            for task in (flooded, exchange):
                task.cancel()
            await asyncio.gather(flooded, exchange, return_exceptions=True)
            self.stop()
            loop.remove_reader(self._output)
            self._overhear(limits.flood_bytes)

    async def _exchange(self, code: str) -> _Told:
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_sendall(self._talk, frames.pack({"code": code}))
            return _Told(await frames.receive(self._talk))
        except (EOFError, OSError):
            return _Told(None)
        except frames.BadFrame:
            return _Told(None, CHANNEL)

    def _overhear(self, most: int) -> None:
        """Take what it printed, up to what the pipe holds."""
        with contextlib.suppress(BlockingIOError):
            while self._flood <= most and (piece := os.read(self._output, 1 << 16)):
                self._flood += len(piece)
                self._printed += piece[: max(0, self._kept - len(self._printed))]
        if self._flood > most:
            self._flooded.set()

    async def _epitaph(self) -> str:
        """Why the process hung up: it is dead, unless the code closed the channel and goes on."""
        try:
            async with asyncio.timeout(HANG_UP_SECONDS):
                ended = await asyncio.shield(self._birth.ended)
        except TimeoutError:
            return CHANNEL
        if ended.why:
            return f"the code was stopped: {ended.why}"
        if ended.code >= 0:
            return f"the code ended its process with code {ended.code}"
        name = signal.Signals(-ended.code).name if -ended.code in set(signal.Signals) else str(-ended.code)
        return f"the code's process was ended by the signal {name}"

    def _ran(self, made: Collected, value: str, error: str, notes: Sequence[str], state: State, seconds: float) -> Ran:
        output = self._printed.decode("utf-8", "replace")
        if self._flood > len(self._printed):
            output += f"\n[cut: {self._flood:,} bytes were printed, the first {len(self._printed):,} are kept]"
        return Ran(
            output=output,
            value=value,
            error=error,
            notes=(*notes, *made.refused),
            files=made.files,
            state=state,
            seconds=round(seconds, 4),
        )


def _stamps(work: Path, files: Sequence[File]) -> dict[str, Stamp]:
    """Of files that were put there: they are not the code's own unless it changes them."""
    return {file.name: Stamp.of(os.stat(work / file.name)) for file in files}


def _believed(reply: dict[str, Any]) -> dict[str, Any] | None:
    """The reply if it has the form of one: the code could have written it."""
    match reply:
        case {"value": str(), "error": str(), "notes": [*notes]} if all(isinstance(note, str) for note in notes):
            return {**reply, "notes": notes[:20]}
        case _:
            return None


async def open_session(keeper: Keeper, work: Path, limits: Limits) -> Session:
    """Raises SandboxUnavailable."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    try:
        await asyncio.to_thread(work.mkdir, mode=0o700)
        number, birth = await keeper.spawn(work, limits, theirs, writing)
    except BaseException:
        ours.close()
        os.close(reading)
        await asyncio.to_thread(remove, work)
        raise
    session = Session(keeper, number, birth, ours, reading, work)
    try:
        await session.hello()
    except BaseException:
        await session.end()
        raise
    session.stop()
    return session
