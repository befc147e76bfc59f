"""Several runs of one order side by side: the `n` choices of a chat completion."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.events import Event
    from server.runs.order import Order
    from server.services import Services

MOST_AT_ONCE = 8
"""Runs of one request that go on at the same time; a model server would only queue more of them."""
MOST_READY = 100
"""Events that wait for whoever reads them; then the runs wait too."""


async def side_by_side(services: Services, orders: Sequence[Order]) -> AsyncGenerator[tuple[int, Event]]:
    """(choice, event) of all runs as they come. Closing it cancels those that are still under way."""
    if len(orders) == 1:
        async with aclosing(services.runs.execute(orders[0])) as events:
            async for event in events:
                yield 0, event
        return
    ready: asyncio.Queue[tuple[int, Event] | BaseException | None] = asyncio.Queue(MOST_READY)
    slots = asyncio.Semaphore(MOST_AT_ONCE)

    async def run(choice: int, order: Order) -> None:
        async with slots, aclosing(services.runs.execute(order)) as events:
            async for event in events:
                await ready.put((choice, event))

    async def run_to_its_end(choice: int, order: Order) -> None:
        failure: BaseException | None = None
        try:
            await run(choice, order)
        except Exception as error:
            failure = error
        await ready.put(failure)

    tasks = [asyncio.create_task(run_to_its_end(choice, order)) for choice, order in enumerate(orders)]
    try:
        left = len(tasks)
        while left:
            told = await ready.get()
            if isinstance(told, BaseException):
                raise told
            if told is None:
                left -= 1
            else:
                yield told
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
