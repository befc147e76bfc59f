"""Events on their way to the database, and to whoever follows a run.

All runs share one writer that commits what has gathered since its last commit: one transaction carries the tokens of
many runs, and a lone run waits for nobody. A follower reads the database up to the present and is then handed what is
committed; one that falls behind reads the database again, so that it misses nothing and holds little.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import OperationalError

from agents.events import EVENT, TERMINAL, Event
from retrieval.database import Database
from server.storage import runs

if TYPE_CHECKING:
    from sqlalchemy import Connection

log = logging.getLogger(__name__)

PAUSE = 0.03
"""Seconds between commits while tokens stream: a person reading the trace does not notice, the disk does."""
PAGE = 1_000
STOP_SECONDS = 3.0
"""How long a stop waits for cancelled runs to say so; closing a connection to a model takes far less."""
RETRY_SECONDS = 1.0
"""Between tries while the database takes nothing: its disk is full, or another process has it locked."""


class _Follower:
    """What has been committed since a follower last looked."""

    def __init__(self) -> None:
        self.more = asyncio.Event()
        self.more.set()
        self.behind = True
        """There may be more in the database than in `rows`."""
        self.rows: list[tuple[int, str, str]] = []

    def give(self, row: tuple[int, str, str]) -> None:
        if len(self.rows) >= PAGE:
            self.behind = True
        else:
            self.rows.append(row)
        self.more.set()

    def take(self) -> list[tuple[int, str, str]] | None:
        """What there is; None: look into the database. What is committed meanwhile is in `rows` again."""
        rows, self.rows = self.rows, []
        behind, self.behind = self.behind, False
        if not behind:
            self.more.clear()
        return None if behind else rows


class EventLog:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._pending: list[tuple[str, int, str, str]] = []
        self._begins: list[Mapping[str, Any]] = []
        self._ends: list[tuple[str, str, str | None]] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
        self._followed: defaultdict[str, set[_Follower]] = defaultdict(set)
        self._writer: asyncio.Task[None] | None = None
        self._open: set[str] = set()
        self._closed = asyncio.Event()
        self._closed.set()
        self._failing: OperationalError | None = None
        self._stopping = asyncio.Event()

    def start(self) -> None:
        self._writer = asyncio.create_task(self._write(), name="event-log")

    def append(self, event: Event) -> None:
        self._pending.append((event.run_id, event.seq, event.type, EVENT.dump_json(event).decode()))
        self._wake.set()

    async def end(self, run_id: str, status: str, answer: str | None) -> None:
        """Close a run and wait until it and all its events are committed."""
        self.end_soon(run_id, status, answer)
        await self.flush()

    def end_soon(self, run_id: str, status: str, answer: str | None) -> None:
        """Close a run with the next commit."""
        self._ends.append((run_id, status, answer))
        self._open.discard(run_id)
        if not self._open:
            self._closed.set()
        self._wake.set()

    async def flush(self) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(done)
        self._urgent.set()
        self._wake.set()
        await done

    def begin(self, run: Mapping[str, Any]) -> None:
        """Record a run, by the columns of its row, with the next commit; a stop of the service waits for its end.

        Raises what the last try to write raised, if nothing can be written at present: no run may begin then whose
        trace would be held in memory.
        """
        self.check()
        self._begins.append(run)
        self._open.add(run["id"])
        self._closed.clear()
        self._wake.set()

    def check(self) -> None:
        """Raises what the last try to write raised, if it failed."""
        if self._failing is not None:
            raise self._failing

    async def stop(self) -> None:
        """Store what there is, the ends of runs included that are being cancelled at this moment."""
        self._stopping.set()
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await self._closed.wait()
            with suppress(OperationalError):
                # Once in any case: what the writer has in its hands just now is in neither list.
                await self.flush()
                while self._pending or self._ends:
                    await self.flush()
        finally:
            if self._writer is not None:
                self._writer.cancel()
                await asyncio.gather(self._writer, return_exceptions=True)

    async def follow(self, run_id: str, after: int) -> AsyncIterator[tuple[int, str, str]]:
        """(seq, type, JSON) of a run's events after `after`, once they are committed, up to its terminal event."""
        follower = _Follower()
        self._followed[run_id].add(follower)
        try:
            while True:
                over, rows = False, follower.take()
                if rows is None:
                    page = await self._database.read(lambda db: _news(db, run_id, after))  # noqa: B023
                    rows, over = page
                    follower.behind = follower.behind or len(page[0]) == PAGE
                for seq, type, data in rows:
                    if seq > after:
                        after = seq
                        yield seq, type, data
                        if type in TERMINAL:
                            return
                if over and not follower.behind:
                    return
                await follower.more.wait()
        finally:
            self._followed[run_id].discard(follower)
            if not self._followed[run_id]:
                del self._followed[run_id]

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            begins, rows, ends, waiters = self._begins, self._pending, self._ends, self._waiters
            self._begins, self._pending, self._ends, self._waiters = [], [], [], []
            self._urgent.clear()
            try:
                await self._database.write(lambda db: _store(db, begins, rows, ends))  # noqa: B023
            except OperationalError as error:
                # Nothing is lost: it is tried again with what has come by then. Whoever waits is told now, though.
                self._keep(begins, rows, ends, error)
                _tell(waiters, error)
                await _sleep_unless(self._stopping, RETRY_SECONDS)
                continue
            except Exception as error:
                log.exception("%d events could not be stored", len(rows))
                _tell(waiters, error)
                continue
            if self._failing is not None:
                log.info("the database takes events again")
            self._failing = None
            _tell(waiters, None)
            for run_id, seq, type, data in rows:
                for follower in self._followed.get(run_id, ()):
                    follower.give((seq, type, data))
            if not self._urgent.is_set():
                await _sleep_unless(self._urgent, PAUSE)

    def _keep(
        self,
        begins: list[Mapping[str, Any]],
        rows: list[tuple[str, int, str, str]],
        ends: list[tuple[str, str, str | None]],
        error: OperationalError,
    ) -> None:
        if self._failing is None:
            log.error("events cannot be stored at present: %s", error.orig)
        self._failing = error
        self._begins[:0], self._pending[:0], self._ends[:0] = begins, rows, ends
        self._wake.set()


def _tell(waiters: list[asyncio.Future[None]], error: Exception | None) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None) if error is None else waiter.set_exception(error)


def _store(
    db: Connection,
    begins: list[Mapping[str, Any]],
    rows: list[tuple[str, int, str, str]],
    ends: list[tuple[str, str, str | None]],
) -> None:
    for row in begins:
        runs.add_run(db, row, status="running")
    runs.add_events(db, rows)
    for run_id, status, answer in ends:
        runs.end_run(db, run_id, status, answer)


def _news(db: Connection, run_id: str, after: int) -> tuple[list[tuple[int, str, str]], bool]:
    """Events after `after`, and whether the run is over, so that no more will come."""
    return runs.read_events(db, run_id, after, PAGE), runs.is_over(db, run_id)


async def _sleep_unless(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
