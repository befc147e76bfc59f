"""Generations whose dense half an engine keeps: what happens while it is away, and once it is back.

Nothing waits for an engine that is not the active generation's: it misses changes, which the database has, and catches
up before it is next searched. With the active one's away, searches and changes fail by name before anything is stored.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from retrieval.errors import IndexUnavailable
from retrieval.lanes import every, missing
from retrieval.pace import Stopped

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.lanes import Lane

FEW = 64
"""Chunks that may be lacking when changes are made to wait: their vectors are there already."""


async def caught_up(collection: Collection, lane: Lane) -> None:
    """Return once the lane has every change there was. Raises IndexUnavailable."""
    if not lane.generation.behind or lane.refusal is not None:
        return
    if lane.catching_up is None or lane.catching_up.done():
        lane.catching_up = asyncio.create_task(_catch_up(collection, lane), name=f"catch up {lane.id}")
        # Whoever waited may be gone by then.
        lane.catching_up.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.shield(lane.catching_up)


async def reachable(collection: Collection, lane: Lane) -> None:
    """As `caught_up`, and the engine answers now."""
    await caught_up(collection, lane)
    if lane.generation.spec.outside and lane.refusal is None:
        await collection.in_thread(lane.generation.check)


async def serves(collection: Collection, lane: Lane) -> bool:
    """Whether the lane can be searched."""
    try:
        await reachable(collection, lane)
    except IndexUnavailable:
        return False
    return lane.refusal is None


async def _catch_up(collection: Collection, lane: Lane) -> None:
    pace = collection.pace
    lacking = partial(missing, lane, collection.resources, pace=pace)
    step = partial(lane.generation.catch_up, batches=lacking, pace=pace)
    try:
        # Not on the one thread for builds: a search waits.
        while await collection.in_thread(lambda: step(every(lane.contents), last=False)) > FEW:
            pass
        async with collection.changing:
            await collection.in_thread(lambda: step(every(lane.contents)))
    except Stopped:
        raise IndexUnavailable("the service stops") from None
