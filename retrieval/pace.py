"""Long work in slices: how much of a core it may take, how far it is, and whether it is still wanted."""

from __future__ import annotations

import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

TURN_S = 0.0005
"""Between two threads that both want the interpreter, while something is built. Python's own 5 ms, waited for some ten
times in a search, and the longer the less the build gets of a busy machine, made the p95 of searches beside a build
three to nine times what it was before; this made it one to two times (2 cores, load averages of 5 to 11)."""
LONGEST_IDLE = 1.0
"""Seconds. A slice that took much longer (the training of lists) stood back by its priority alone."""


class Stopped(Exception):
    """The work was cancelled; raised between two slices, in the thread that does it."""


class Pace:
    """Handed to long work, which calls `slice` after every piece of at most some 100 ms.

    `share`: of one core, above 0 to 1. Between two slices the thread sleeps for what the last one took beyond it, so
    that searches beside it keep their latency. `told(done, total)` hears of progress, on the thread of the work.
    `seconds`: from now on, after which the work stops by itself.
    """

    def __init__(
        self, share: float = 1.0, told: Callable[[int, int], None] | None = None, seconds: float = math.inf
    ) -> None:  # fmt: skip
        if not 0 < share <= 1:
            raise ValueError(f"share must be above 0 and at most 1, got {share!r}")
        self.share = share
        self._told = told
        self._end = time.monotonic() + seconds
        self._stop = threading.Event()
        self.kept: Callable[[], object] | None = None
        """Called once, on the thread of the work, when the first thing is stored that need not be made again."""
        self._since: dict[int, float] = {}

    def stop(self) -> None:
        """Make the next `slice` raise Stopped. From any thread."""
        self._stop.set()

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def keep(self) -> None:
        """Note that something was stored that outlives this process."""
        kept, self.kept = self.kept, None
        if kept is not None:
            kept()

    def wait(self, seconds: float) -> None:
        """For what another process does meanwhile. Raises Stopped, at once."""
        if self._stop.wait(seconds) or time.monotonic() > self._end:
            raise Stopped

    def slice(self, done: int = 0, total: int = 0, elsewhere: float = 0.0) -> None:
        """Note progress (if `total` is given) and give way. Raises Stopped.

        `elsewhere`: seconds of the same work that another thread has done since the last call."""
        if self._told is not None and total:
            self._told(done, total)
        here, now = threading.get_ident(), time.thread_time()
        spent = now - self._since.get(here, now) + elsewhere
        idle = min(spent * (1 / self.share - 1), LONGEST_IDLE)
        self.wait(max(idle, 0.0))
        self._since[here] = now


@contextmanager
def short_turns() -> Iterator[None]:
    """For the whole process: hand the interpreter over sooner."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(min(usual, TURN_S))
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


def step_back() -> None:
    """Let the threads of searches go before the calling one, wherever the system knows priorities of threads."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)
