"""Connections to one server in small pools side by side.

httpcore looks at every connection of its pool for every request and asks the system of each whether it is still open
(httpcore 1.0, `_assign_requests_to_connections`): with 64 streams in one pool that was a third of the CPU time of the
service. Pools of a few connections keep the rest of its care and lose the square.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import httpx

STREAMS: Final = 8
"""Of one pool at once; with more, a further pool is opened."""


@dataclass
class _Lane:
    client: httpx.AsyncClient
    streams: int = 0


class Lanes:
    """`make` makes a client. The clients belong to the event loop that asked first; in another loop they are new."""

    def __init__(self, make: Callable[[], httpx.AsyncClient]) -> None:
        self._make = make
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lanes: list[_Lane] = []

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client with room for a stream; the earliest, so that few streams share few connections."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._lanes = loop, []
        lane = next((lane for lane in self._lanes if lane.streams < STREAMS), None)
        if lane is None:
            lane = _Lane(self._make())
            self._lanes.append(lane)
        lane.streams += 1
        try:
            yield lane.client
        finally:
            lane.streams -= 1

    async def aclose(self) -> None:
        lanes, self._lanes = self._lanes, []
        if self._loop is asyncio.get_running_loop():
            for lane in lanes:
                await lane.client.aclose()
