"""Runs of pipelines on behalf of requests: recorded from their first event to their last, whoever reads along.

A run in the foreground belongs to its reader: when the reader goes, or the process, it ends. A durable one belongs to
its thread: it is queued before it is acknowledged, keeps its steps, and goes on after a restart.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import OperationalError

from agents.events import EVENT, End, Event, RunCancelled, RunFailed, RunFinished, Token
from server.errors import ApiError, from_exception
from server.runs.driving import STATUS, Ended, drive, keep, keeps_steps
from server.runs.order import Order, order_from, row_of
from server.runs.pasts import past_of
from server.runs.turns import QueueFull, Ticket
from server.storage import runs

if TYPE_CHECKING:
    from langgraph.runtime import RunControl
    from sqlalchemy import Connection

    from agents.past import Past
    from server.services import Services

log = logging.getLogger(__name__)

MOST_FRUITLESS = 20
"""Attempts in a row without a step finished or an answer from outside: a run that ends the process each time. Many, for
a process may be killed as often before a run has come to anything, and that is no fault of the run."""
DRAIN_SECONDS = 5.0
"""How long a stop waits for steps to finish, so that they need not run again; calls to a model may take far longer."""


class AnsweredAlready(Exception):
    """The run that was to be answered waits no more; its id."""


@dataclass
class Under:
    """A durable run in this process."""

    ticket: Ticket
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    control: RunControl | None = None
    task: asyncio.Task[None] | None = None


class Runs:
    def __init__(self) -> None:
        self._services: Services
        self._under: dict[str, Under] = {}
        self._draining = False

    async def start(self, services: Services) -> tuple[int, int]:
        """Take up what an earlier process left: (durable runs that go on, runs that it cut short)."""
        self._services = services
        cut = await close_abandoned(services)
        left = await services.database.read(runs.unfinished)
        for row in left:
            self._begin(row.id, services.turns.enter(row.tenant, row.thread_id, always=True), None)
        return len(left), cut

    async def execute(self, order: Order) -> AsyncGenerator[Event, None]:
        """Run it in the foreground; yields every event as it happens. All of them are stored by the time the last one
        is passed on. Raises ApiError if the service is full or stops."""
        ticket = self._enter(order)
        try:
            await ticket.called.wait()
            async with aclosing(_in_the_foreground(self._services, order)) as events:
                async for event in events:
                    yield event
        finally:
            ticket.leave()

    async def submit(self, order: Order, told: Sequence[Event] = (), *, answers: str | None = None) -> None:
        """Queue a durable run: once this returns it will run, whatever happens to the process. `told`: the beginning of
        its trace, if its thread stands beyond that already. `answers`: the run whose question it answers, which waits
        no more from then on. Raises ApiError, AnsweredAlready: of two answers that come at once, the first counts."""
        ticket = self._enter(order)
        rows = [(order.run_id, event.seq, event.type, EVENT.dump_json(event).decode()) for event in told]

        def add(db: Connection) -> None:
            if answers is not None and not runs.change_status(db, answers, "waiting", "answered"):
                raise AnsweredAlready(answers)
            runs.add_run(db, row_of(order, durable=True), status="queued")
            runs.add_events(db, rows)

        try:
            await self._services.database.write(add)
        except BaseException:
            ticket.leave()
            raise
        self._begin(order.run_id, ticket, order)

    def cancel(self, run_id: str) -> asyncio.Task[None] | None:
        """End a durable run; returns the task to wait for, None if the run is over or in the foreground."""
        under = self._under.get(run_id)
        if under is None:
            return None
        under.stop.set()
        return under.task

    def active(self, thread_id: str) -> list[str]:
        """Ids of the durable runs on a thread that have not ended, in their order."""
        return [id for id, under in self._under.items() if under.ticket.thread_id == thread_id]

    async def drain(self) -> None:
        """Stop taking runs; let those under way come to the end of a step, where the next process goes on."""
        self._draining = True
        tasks = [under.task for under in self._under.values() if under.task is not None]
        for under in self._under.values():
            if under.control is not None and under.ticket.called.is_set():
                under.control.request_drain()
            elif under.task is not None:
                under.task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=DRAIN_SECONDS)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _enter(self, order: Order) -> Ticket:
        if self._draining:
            raise ApiError(503, "The service is stopping; try again later.", code="shutting_down")
        try:
            return self._services.turns.enter(order.tenant, order.thread_id)
        except QueueFull as error:
            message = f"The service is full: {error}. Try again later, or raise max_queued_runs."
            raise ApiError(503, message, code="queue_full", headers={"retry-after": "5"}) from None

    def _begin(self, run_id: str, ticket: Ticket, order: Order | None) -> None:
        under = self._under[run_id] = Under(ticket)
        under.task = asyncio.create_task(self._to_its_end(run_id, under, order), name=f"durable run {run_id}")

        def over(task: asyncio.Task[None]) -> None:
            self._under.pop(run_id, None)
            ticket.leave()
            if not task.cancelled() and (error := task.exception()) is not None:
                # Not even its failure could be recorded (a full disk); it stays for the next start.
                log.error("run %s broke off", run_id, exc_info=error)

        under.task.add_done_callback(over)

    async def _to_its_end(self, run_id: str, under: Under, order: Order | None) -> None:
        from agents.past import Past

        services, past = self._services, Past()
        if not await _called(under):
            left = await past_of(services, run_id, under.ticket.thread_id, None)
            await _close(services, _cancelled(run_id, left))
            return
        try:
            row = await services.database.write(lambda db: runs.begin_run(db, run_id))
            past = await past_of(services, run_id, row.thread_id, row.order["resumes"])
            if past.fruitless >= MOST_FRUITLESS:
                message = f"the process ended {past.fruitless} times in this run before anything came of it"
                await _close(services, _failed(run_id, past, "GivenUp", message))
                return
            order = order or await order_from(services, row)
        except Exception as error:
            # Whatever it is, whoever waits for the run is told; of a bug only the log gets the details.
            message = f"the run cannot go on: {from_exception(error).message}"
            await _close(services, _failed(run_id, past, type(error).__name__, message))
            return
        await self._walk(order, under, past)

    async def _walk(self, order: Order, under: Under, past: Past) -> None:
        from langgraph.runtime import RunControl

        under.control = RunControl()
        async with aclosing(
            drive(self._services, order, past=past, durable=True, stop=under.stop, control=under.control)
        ) as events:
            async for event in events:
                if isinstance(event, End):
                    await _close(self._services, event)


async def _called(under: Under) -> bool:
    """Wait for the run's turn; False if it is cancelled before."""
    waits = [asyncio.create_task(event.wait()) for event in (under.ticket.called, under.stop)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return under.ticket.called.is_set() and not under.stop.is_set()


async def _in_the_foreground(services: Services, order: Order) -> AsyncGenerator[Event, None]:
    began, last, said = time.time(), 0, ""
    services.events.begin(row_of(order, durable=False))
    try:
        async with aclosing(drive(services, order, durable=False)) as events:
            async for event in events:
                if isinstance(event, Token) and event.channel == "answer":
                    said += event.text
                if isinstance(event, End):
                    event = await _kept(services, order, event)
                    last = -1
                    event = await _stored(services, event)
                else:
                    last = event.seq
                yield event
    finally:
        if last >= 0:
            # The reader went away. Nothing may be awaited here: a cancelled request is cancelled at every await.
            about: dict[str, Any] = {"at": datetime.now(UTC), "usage": None, "seconds": time.time() - began}
            services.events.append(RunCancelled(seq=last + 1, run_id=order.run_id, answer=said, **about))
            services.events.end_soon(order.run_id, "cancelled", said)


async def _kept(services: Services, order: Order, end: Ended) -> Ended:
    """The run's last event, once its turn is kept; or in its place why it could not be."""
    try:
        if isinstance(end, RunFinished) and not keeps_steps(order):
            await keep(services, order, end)
    except (OperationalError, sqlite3.OperationalError) as error:
        return _not_stored(end, error)
    return end


async def _stored(services: Services, end: Ended) -> Ended:
    """The same, once it is stored with all before it."""
    try:
        await _close(services, end)
    except (OperationalError, sqlite3.OperationalError) as error:
        return _not_stored(end, error)
    return end


def _not_stored(end: Ended, error: Exception) -> RunFailed:
    why = from_exception(error)
    about = end.model_dump(include={"seq", "at", "run_id", "answer", "usage", "seconds"})
    message = f"the trace cannot be stored: {why.message}"
    return RunFailed(error_type="NotStored", message=message, status=why.status, code=why.code, **about)


def _cancelled(run_id: str, past: Past) -> RunCancelled:
    return RunCancelled(run_id=run_id, **_end_of(past))


def _failed(run_id: str, past: Past, error_type: str, message: str) -> RunFailed:
    return RunFailed(run_id=run_id, error_type=error_type, message=message, **_end_of(past))


def _end_of(past: Past) -> dict[str, Any]:
    spent = past.spent
    about = {"usage": spent.usage, "cost": spent.cost, "seconds": spent.seconds, "answer": "".join(past.said)}
    return {"seq": past.last_seq + 1, "at": datetime.now(UTC), **about}


async def _close(services: Services, end: Ended) -> None:
    """Its last event and the run's status are one: whoever follows it is told of neither without the other."""
    services.events.append(end)
    await services.events.end(end.run_id, STATUS[end.type], end.answer)


async def close_abandoned(services: Services) -> int:
    """Give the foreground runs of a killed process an end, so that nobody waits for more; returns how many."""
    left: Sequence[tuple[str, int]] = await services.database.read(runs.abandoned)
    for run_id, seq in left:
        end = RunFailed(
            seq=seq + 1,
            at=datetime.now(UTC),
            run_id=run_id,
            answer="",
            usage=None,
            seconds=0.0,
            error_type="Interrupted",
            message="the service stopped while this run was under way",
        )
        services.events.append(end)
        services.events.end_soon(run_id, "interrupted", None)
    if left:
        await services.events.flush()
    return len(left)
