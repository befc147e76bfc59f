"""One stream from a backend, read by everybody who asked for the same at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence

from backends.base import Delta
from backends.lifetime import closing


class Flight:
    """Reads `deltas` in a task of its own, so that a slow reader holds up nobody. Belongs to the running event loop.

    `landed` is called with all deltas if the stream ends well, `gone` when nothing more will happen. The stream is
    closed early when its last reader leaves.
    """

    def __init__(
        self,
        deltas: AsyncIterator[Delta],
        landed: Callable[[Sequence[Delta]], Awaitable[None]],
        gone: Callable[[Flight], None],
    ) -> None:
        self._said: list[Delta] = []
        self._ended = False
        self._error: BaseException | None = None
        self._more = asyncio.Event()
        self._readers = 0
        self._left = False
        self._task = asyncio.create_task(self._fly(deltas, landed))
        self._task.add_done_callback(lambda _: gone(self))

    @property
    def abandoned(self) -> bool:
        """Its readers have left before its end, or it failed: it is of no use to a new one."""
        return self._left or self._error is not None

    @property
    def whole(self) -> Sequence[Delta] | None:
        """All deltas; None before the end."""
        return self._said if self._ended else None

    async def read(self) -> AsyncGenerator[Delta]:
        """All deltas from the first on, as they come. Raises what the stream raised."""
        self._readers += 1
        try:
            at = 0
            while True:
                more = self._more
                for delta in self._said[at:]:
                    yield delta
                    at += 1
                if self._ended and at == len(self._said):
                    break
                if at == len(self._said):
                    await more.wait()
            if self._error is not None:
                raise self._error
        finally:
            self._readers -= 1
            if not self._readers and not self._ended:
                await self.aclose()

    async def aclose(self) -> None:
        """Ends the stream if it is still under way, and waits until what it said is kept."""
        if not self._ended:
            self._left = True
            self._task.cancel()
        await asyncio.wait([self._task])

    async def _fly(self, deltas: AsyncIterator[Delta], landed: Callable[[Sequence[Delta]], Awaitable[None]]) -> None:
        try:
            async with closing(deltas):
                async for delta in deltas:
                    self._said.append(delta)
                    self._wake()
        except BaseException as error:
            self._error = error
            if isinstance(error, asyncio.CancelledError):
                raise
        else:
            self._end()
            await landed(self._said)
        finally:
            self._end()

    def _end(self) -> None:
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        more, self._more = self._more, asyncio.Event()
        more.set()
