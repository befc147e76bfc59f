"""The scheduler: tasks side by side, each as soon as what it needs is there, so many at once.

Every task has a caller of its own, a step of a graph for example, and all call `work` at once; the board makes them
wait for each other. There is no common clock: a task begins when the last of its needs ends, not when a round does, so
that a plan takes as long as its longest chain of tasks, if the width allows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping

from pydantic import BaseModel, ConfigDict

Perform = Callable[[Mapping[int, "End"]], Awaitable["End"]]
"""From the ends of what a task needs to its own. Whatever it raises ends the whole work."""


class End(BaseModel):
    """What came of a task."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: int
    text: str = ""
    failed: str = ""
    """Why there is no result; empty: there is one."""
    because_of: tuple[int, ...] = ()
    """Tasks that failed before it could begin."""


class Board:
    def __init__(self, width: int) -> None:
        """`width`: how many tasks may be performed at once."""
        self._ends: dict[int, asyncio.Future[End]] = {}
        self._slots = asyncio.Semaphore(width)

    def tell(self, end: End) -> None:
        """A task has ended; the first word counts."""
        future = self._end(end.task)
        if not future.done():
            future.set_result(end)

    async def work(self, id: int, needs: Collection[int], perform: Perform) -> End:
        """Wait for the needs, then for a free place, then perform; a task whose needs failed is not performed.

        Every need is to be told, by this or by `tell`: a graph with circles waits for ever. Raises what `perform`
        raises: then nobody is told, and the callers of the other tasks are to be cancelled.
        """
        ends = {need: await asyncio.shield(self._end(need)) for need in sorted(set(needs))}
        if failed := tuple(need for need, end in ends.items() if end.failed):
            which = ", ".join(map(str, failed))
            reason = f"it needs the result of task {which}, which failed"
            end = End(task=id, failed=reason, because_of=failed)
        else:
            async with self._slots:
                end = await perform(ends)
        self.tell(end)
        return end

    def _end(self, id: int) -> asyncio.Future[End]:
        if id not in self._ends:
            self._ends[id] = asyncio.get_running_loop().create_future()
        return self._ends[id]
