"""Whoever had something in a session is told when it is gone, once: in every tier, and after a restart of the service.

A session ends when others need the room, when it lies idle, or with the service, and none of them has its thread at
hand to tell it. So which threads have something is kept in files, an empty one for each, and the first result of a new
session says it.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from weakref import WeakValueDictionary

from tools.sandbox.base import Cell, Ran, Sandbox
from tools.sandbox.errors import BadCell, SandboxBusy, SandboxUnavailable

GONE = (
    "All that earlier code of this conversation had left in memory and in files is gone: it lay idle too long, others "
    "needed the room, or the service was started anew. This code began with nothing."
)
KEPT_SECONDS = 30 * 86400.0
"""How long it is known that a thread had something."""


@dataclass
class _Known:
    """Of a session, while cells of it run or wait."""

    had: bool | None = None
    """It has something, as far as was found out and told; None: not looked up yet."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class TellingOfLoss:
    """A Sandbox around another; `folder`: for the files, nobody else's."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self._sandbox = sandbox
        self._folder = folder
        self._known: WeakValueDictionary[str, _Known] = WeakValueDictionary()

    async def run(self, cell: Cell) -> Ran:
        if not cell.session:
            return await self._sandbox.run(cell)
        mark = self._mark(cell.session)
        known = self._known.setdefault(cell.session, _Known())
        async with known.lock:
            if known.had is None:
                known.had = await asyncio.to_thread(mark.exists)
            # Before it runs: cut short by the end of the service, it may have left something by then.
            await asyncio.to_thread(_set, mark)
        try:
            ran = await self._sandbox.run(cell)
        except (BadCell, SandboxBusy, SandboxUnavailable):
            if not known.had:
                await asyncio.to_thread(_drop, mark)
            raise
        is_news, known.had = known.had and ran.state == "new", ran.state != "lost"
        await asyncio.to_thread(_set if known.had else _drop, mark)
        return replace(ran, notes=(GONE, *ran.notes)) if is_news else ran

    async def end(self, session: str) -> None:
        await asyncio.to_thread(_drop, self._mark(session))
        await self._sandbox.end(session)

    async def aclose(self) -> None:
        await self._sandbox.aclose()

    def _mark(self, session: str) -> Path:
        return self._folder / hashlib.sha256(session.encode()).hexdigest()


def forget_old(folder: Path) -> None:
    """Blocking; at start."""
    late = time.time() - KEPT_SECONDS
    with suppress(FileNotFoundError):
        for mark in folder.iterdir():
            if mark.stat().st_mtime < late:
                mark.unlink()


def _set(mark: Path) -> None:
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.touch()


def _drop(mark: Path) -> None:
    mark.unlink(missing_ok=True)
