"""Tool calls under way: each is a task that ends with the request it came by, or when its client takes it back."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
Key = tuple[str, str, str]
"""Tenant, session and number of the request."""


class Withdrawn(Exception):
    """The client does not want the result any more."""


class Calls:
    def __init__(self) -> None:
        self._running: dict[Key, asyncio.Task[Any]] = {}

    async def run(self, key: Key | None, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, which is cancelled if this is. Raises Withdrawn, which nobody can do without a key."""
        # A task of its own: the library cancels what waits here at every await, and a run has an end to record.
        task = asyncio.create_task(work, name="mcp call")
        if key is not None:
            self._running[key] = task
        try:
            await asyncio.wait({task})
            if task.cancelled():
                raise Withdrawn
            return task.result()
        finally:
            task.cancel()
            if key is not None and self._running.get(key) is task:
                del self._running[key]

    def withdraw(self, key: Key) -> None:
        if (task := self._running.get(key)) is not None:
            task.cancel()
