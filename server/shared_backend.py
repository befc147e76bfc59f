"""A backend that several runs share, and that is closed when nobody uses it any more."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from backends.base import Backend, Capabilities, Delta, Request
from backends.lifetime import close, closing


class Shared:
    """`backend`, with its streams counted: `drop` closes it now, or with the last stream under way.

    A run that holds a dropped one can go on with it: a closed backend opens new connections when it is used, and they
    too are closed when its stream ends.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._streams = 0
        self._dropped = False

    @property
    def name(self) -> str:
        return self._backend.name

    @property
    def capabilities(self) -> Capabilities:
        return self._backend.capabilities

    async def stream(self, request: Request) -> AsyncGenerator[Delta]:
        """Raises what the backend raises."""
        self._streams += 1
        try:
            async with closing(self._backend.stream(request)) as deltas:
                async for delta in deltas:
                    yield delta
        finally:
            self._streams -= 1
            await self._close_if_idle()

    async def drop(self) -> None:
        self._dropped = True
        await self._close_if_idle()

    async def aclose(self) -> None:
        await close(self._backend)

    async def _close_if_idle(self) -> None:
        if self._dropped and not self._streams:
            await close(self._backend)
