"""Asking again after errors that may pass."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable

from backends.base import Backend, Capabilities, Delta, Request
from backends.errors import BackendError
from backends.lifetime import close, closing

logger = logging.getLogger(__name__)

FIRST_PAUSE = 0.5  # seconds, doubled each time up to the longest: the pace of OpenAI's own clients
LONGEST_PAUSE = 8.0
LONGEST_ASKED_PAUSE = 60.0  # of those a server may ask for; nobody watches an empty answer for longer


class Retry:
    """A backend that asks `backend` up to `retries` times more.

    Only before the first delta: what a reader has seen is never said anew.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        retries: int = 2,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`chance` gives numbers in [0, 1) for the jitter."""
        self._backend = backend
        self._retries = retries
        self._sleep = sleep
        self._chance = chance

    @property
    def name(self) -> str:
        return self._backend.name

    @property
    def capabilities(self) -> Capabilities:
        return self._backend.capabilities

    async def stream(self, request: Request) -> AsyncGenerator[Delta]:
        for attempt in range(self._retries + 1):
            begun = False
            try:
                async with closing(self._backend.stream(request)) as deltas:
                    async for delta in deltas:
                        begun = True
                        yield delta
                return
            except BackendError as error:
                if begun or not error.retryable or attempt == self._retries:
                    raise
                seconds = pause(attempt, error.retry_after, self._chance())
                logger.warning(
                    "%s: %s; retry %d of %d in %.1f s", self.name, error, attempt + 1, self._retries, seconds
                )
            await self._sleep(seconds)

    async def aclose(self) -> None:
        await close(self._backend)


def pause(attempt: int, asked: float | None, chance: float) -> float:
    """Seconds before the next try after `attempt` (from 0) failed; `asked`: what the server said to wait.

    Half of the back-off is fixed and half random, so that clients which failed together do not return together. What
    the server asks for is not shortened, but for its cap.
    """
    backoff = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempt, 10)) * (0.5 + 0.5 * chance)
    return backoff if asked is None else min(asked, LONGEST_ASKED_PAUSE)
