"""The tiers that run on this machine: sessions by name, so many at once, ended when they are idle or room is needed."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from weakref import WeakValueDictionary

from tools.sandbox.base import Cell, Limits, Ran
from tools.sandbox.canaries import try_canaries
from tools.sandbox.errors import SandboxBusy, SandboxUnavailable
from tools.sandbox.keeper import Keeper, start_keeper
from tools.sandbox.place import remove
from tools.sandbox.session import Session, open_session

ROOM_SECONDS = 20.0
"""How long a cell waits until a session is free."""
SWEEP_SECONDS = 20.0
CANARY = "canary"


class LocalSandbox:
    """`directory`: where work folders are made, nobody else's; `cache`: for the libraries' own caches. `prefix`: the
    command that starts the sandbox's process, given both folders. `load`: false to find out whether it holds only."""

    def __init__(
        self,
        directory: Path,
        cache: Path,
        limits: Limits,
        prefix: Callable[[Path, Path], Sequence[str]] = lambda _directory, _cache: (),
        *,
        load: bool = True,
    ) -> None:
        self._directory = directory
        self._cache = cache
        self._limits = limits
        self._prefix = prefix
        self._load = load
        self._keeper: Keeper | None = None
        self._starting = asyncio.Lock()
        self._sessions: dict[str, Session] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """By name of session, while somebody runs a cell there or waits to."""
        self._room = asyncio.Condition()
        self._opening = 0
        self._sweeper: asyncio.Task[None] | None = None
        self._refused: SandboxUnavailable | None = None
        self._closed = False

    async def run(self, cell: Cell) -> Ran:
        async with self._session(cell.session) as session:
            return await session.run(cell, self._limits)

    async def end(self, session: str) -> None:
        if (found := self._sessions.pop(session, None)) is not None:
            await found.close()
            await self._tell_room()

    async def aclose(self) -> None:
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            await session.close()
        if self._keeper is not None:
            await self._keeper.aclose()
        await asyncio.to_thread(remove, self._directory)

    async def start(self) -> Keeper:
        """The sandbox's process, tried out. Raises SandboxUnavailable; what was found wanting is not tried again."""
        if self._refused is not None:
            raise self._refused
        async with self._starting:
            if self._keeper is not None and self._keeper.alive:
                return self._keeper
            if self._closed:
                raise SandboxUnavailable("the service is stopping", "start it again")
            await asyncio.to_thread(_fresh, self._directory)
            await asyncio.to_thread(self._cache.mkdir, parents=True, exist_ok=True)
            prefix = self._prefix(self._directory, self._cache)
            keeper = await start_keeper(prefix, self._cache, self._load)
            try:
                await try_canaries(keeper, self._directory / CANARY, self._limits)
            except SandboxUnavailable as error:
                self._refused = error
                await keeper.aclose()
                raise
            except BaseException:
                await keeper.aclose()
                raise
            self._keeper = keeper
            if self._sweeper is None:
                self._sweeper = asyncio.create_task(self._sweep(), name="sandbox sweep")
            return keeper

    @asynccontextmanager
    async def _session(self, name: str) -> AsyncIterator[Session]:
        """The session of that name, or a new one, for this caller alone; one without a name ends with its cell."""
        name = name or f"alone {secrets.token_hex(8)}"
        turn = self._turns.setdefault(name, asyncio.Lock())
        async with turn:
            keeper = await self.start()
            if (session := self._sessions.get(name)) is None or not session.alive:
                session = await self._new(keeper, name)
            async with session.lock:
                try:
                    yield session
                finally:
                    if name.startswith("alone ") or not session.alive:
                        self._sessions.pop(name, None)
                        await session.end()
                    await self._tell_room()

    async def _new(self, keeper: Keeper, name: str) -> Session:
        await self._make_room()
        try:
            session = await open_session(keeper, self._directory / secrets.token_hex(16), self._limits)
            if self._closed:
                await session.end()
                raise SandboxUnavailable("the service is stopping", "start it again")
            self._sessions[name] = session
            return session
        finally:
            self._opening -= 1

    async def _make_room(self) -> None:
        """Wait for a free place and take it. Raises SandboxBusy."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ROOM_SECONDS), self._room:
                while len(self._sessions) + self._opening >= self._limits.sessions:
                    idle = [name for name, session in self._sessions.items() if not session.lock.locked()]
                    if idle:
                        longest = min(idle, key=lambda name: self._sessions[name].used)
                        await self._sessions.pop(longest).end()
                    else:
                        await self._room.wait()
                self._opening += 1
                return
        most = self._limits.sessions
        raise SandboxBusy(f"all {most} sandboxes are running code: try again, or raise the setting 'sandbox_sessions'")

    async def _tell_room(self) -> None:
        async with self._room:
            self._room.notify_all()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(SWEEP_SECONDS, self._limits.idle_seconds))
            late = time.monotonic() - self._limits.idle_seconds
            for name, session in list(self._sessions.items()):
                if session.used <= late and not session.lock.locked():
                    await self.end(name)


def _fresh(directory: Path) -> None:
    """Work folders of a process that was killed are removed."""
    remove(directory)
    directory.mkdir(parents=True, mode=0o700, exist_ok=True)
