"""Queries that come at the same time share a batch: what queues while one batch runs forms the next.

A query takes with it what is to be done with its vector (`then`), so that a query alone is answered by the thread that
embedded it: a change of threads costs some 0.3 ms on the way there and again on the way back.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import groupby
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrieval.base import Embedder

    Vector = NDArray[np.float32]

T = TypeVar("T")


class Waiting(NamedTuple):
    text: str
    then: Callable[[Vector], Any] | None
    answer: asyncio.Future[Any]


class Outcome(NamedTuple):
    answer: asyncio.Future[Any]
    result: Any
    error: BaseException | None


class QueryBatcher:
    """Embeds queries in one thread of its own. No query waits for company: an idle batcher starts at once."""

    def __init__(self, embedder: Embedder, max_batch: int = 32) -> None:
        if max_batch < 1:
            raise ValueError(f"max_batch must be at least 1, got {max_batch!r}")
        self._embedder = embedder
        self._max_batch = max_batch
        self._queue: deque[Waiting] = deque()
        self._lock = Lock()
        """Of the queue, and of whether someone empties it."""
        self._draining = False
        self._thread = ThreadPoolExecutor(1, "embed-queries")
        self._after = ThreadPoolExecutor(1, "after-queries")
        self._closed = False

    async def embed(self, text: str) -> Vector:
        """Return the query's vector (d,). What the embedder raises for this text is raised here, and only here."""
        return await self._queued(text, None)  # type: ignore[no-any-return]

    async def then(self, text: str, work: Callable[[Vector], T]) -> T:
        """Return what `work` makes of the query's vector (d,); raise as `embed`, and what `work` raises.

        `work` must be quick (a millisecond or so) and wait for nothing: the queries after this one wait for it. On the
        thread that embeds if the query is alone, else on one beside it.
        """
        return await self._queued(text, work)  # type: ignore[no-any-return]

    async def aclose(self) -> None:
        """Answer what is queued, then end the threads."""
        self._closed = True
        loop = asyncio.get_running_loop()
        for thread in (self._thread, self._after):
            await loop.run_in_executor(thread, lambda: None)
            thread.shutdown(wait=False)

    def _queued(self, text: str, then: Callable[[Vector], Any] | None) -> asyncio.Future[Any]:
        if self._closed:
            raise RuntimeError("this QueryBatcher is closed")
        answer = asyncio.get_running_loop().create_future()
        with self._lock:
            self._queue.append(Waiting(text, then, answer))
            idle, self._draining = not self._draining, True
        if idle:
            self._thread.submit(self._drain)
        return answer

    def _drain(self) -> None:
        try:
            while batch := self._next():
                self._answer(batch)
        except BaseException:
            self._draining = False
            raise

    def _next(self) -> list[Waiting]:
        """The next batch, without those that gave up; empty: nobody waits, and the draining ends."""
        with self._lock:
            batch: list[Waiting] = []
            while self._queue and len(batch) < self._max_batch:
                waiting = self._queue.popleft()
                if not waiting.answer.cancelled():
                    batch.append(waiting)
            self._draining = bool(batch)
            return batch

    def _answer(self, batch: Sequence[Waiting]) -> None:
        try:
            vectors = self._embedder.embed([waiting.text for waiting in batch], kind="query")
            answers = list(zip(batch, vectors, strict=True))
        except BaseException as error:  # handed on whole, a panic of native code too: the waiting caller decides
            self._refuse(batch, error)
            return
        _tell([Outcome(waiting.answer, vector, None) for waiting, vector in answers if waiting.then is None])
        rest = [(waiting, vector) for waiting, vector in answers if waiting.then is not None]
        if len(batch) == 1 and not self._queue:
            _go_on(rest)
        elif rest:
            self._after.submit(_go_on, rest)

    def _refuse(self, batch: Sequence[Waiting], error: BaseException) -> None:
        """One text at fault must not fail the others: each is tried alone."""
        if len(batch) > 1:
            for waiting in batch:
                self._answer([waiting])
        else:
            _tell([Outcome(batch[0].answer, None, error)])


def _go_on(answers: Sequence[tuple[Waiting, Vector]]) -> None:
    """One after the other: such work holds the interpreter, so that threads of their own would not be faster."""
    for waiting, vector in answers:
        assert waiting.then is not None
        try:
            outcome = Outcome(waiting.answer, waiting.then(vector), None)
        except BaseException as error:  # as above
            outcome = Outcome(waiting.answer, None, error)
        _tell([outcome])


def _tell(outcomes: Sequence[Outcome]) -> None:
    """Answer from another thread: each event loop is woken once."""
    for loop, some in groupby(outcomes, lambda outcome: outcome.answer.get_loop()):
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle, list(some))


def _settle(outcomes: Sequence[Outcome]) -> None:
    for answer, result, error in outcomes:
        if answer.done():
            continue
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)
