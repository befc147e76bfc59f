"""Whose turn it is: so many runs at once, one at a time on a thread, tenants by turns.

A tenant with a thousand runs in the queue delays another's first by one run, not by a thousand. Within a tenant, and so
within a thread, the first to come is the first to go; a run whose thread is busy lets others past.
"""

from __future__ import annotations

import asyncio
from collections import deque


class QueueFull(Exception):
    """More runs wait than may."""


class Ticket:
    """A place in the queue, then a turn, until `leave`."""

    def __init__(self, turns: Turns, tenant: str, thread_id: str) -> None:
        self.tenant = tenant
        self.thread_id = thread_id
        self.called = asyncio.Event()
        """Set when it is this run's turn."""
        self._turns = turns

    def leave(self) -> None:
        """Give the turn back, or the place in the queue."""
        self._turns.leave(self)


class Turns:
    def __init__(self, most_at_once: int, most_waiting: int) -> None:
        self._most_at_once = most_at_once
        self._most_waiting = most_waiting
        self._waiting: dict[str, deque[Ticket]] = {}
        """By tenant."""
        self._calls = 0
        self._last_call: dict[str, int] = {}
        """By tenant: whoever was called longest ago is next."""
        self._running: set[Ticket] = set()
        self._busy: set[str] = set()
        """Threads."""

    def enter(self, tenant: str, thread_id: str, *, always: bool = False) -> Ticket:
        """Queue up, now: the order of calls is the order of runs. `always`: however many wait. Raises QueueFull."""
        if not always and sum(map(len, self._waiting.values())) >= self._most_waiting:
            raise QueueFull(f"{self._most_waiting} runs are waiting already")
        ticket = Ticket(self, tenant, thread_id)
        self._waiting.setdefault(tenant, deque()).append(ticket)
        self._call()
        return ticket

    def taken(self, thread_id: str) -> bool:
        """Whether a run on the thread has its turn, or waits for it."""
        return thread_id in self._busy or any(t.thread_id == thread_id for q in self._waiting.values() for t in q)

    def leave(self, ticket: Ticket) -> None:
        if ticket in self._running:
            self._running.discard(ticket)
            self._busy.discard(ticket.thread_id)
        elif (queue := self._waiting.get(ticket.tenant)) and ticket in queue:
            self._take(queue, ticket)
        self._call()

    def _call(self) -> None:
        while len(self._running) < self._most_at_once and (ticket := self._next()) is not None:
            self._running.add(ticket)
            self._busy.add(ticket.thread_id)
            self._calls += 1
            self._last_call[ticket.tenant] = self._calls
            self._take(self._waiting[ticket.tenant], ticket)
            ticket.called.set()

    def _next(self) -> Ticket | None:
        tenants = sorted(self._waiting, key=lambda tenant: self._last_call.get(tenant, 0))
        free = (t for tenant in tenants for t in self._waiting[tenant] if t.thread_id not in self._busy)
        return next(free, None)

    def _take(self, queue: deque[Ticket], ticket: Ticket) -> None:
        queue.remove(ticket)
        if not queue:
            del self._waiting[ticket.tenant]
