"""Queries that come at the same time share a batch: what queues while one batch runs forms the next."""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrieval.base import Embedder

    Vector = NDArray[np.float32]


class Waiting(NamedTuple):
    text: str
    answer: asyncio.Future[Vector]


class QueryBatcher:
    """Embeds queries in one thread of its own. No query waits for company: an idle batcher starts at once."""

    def __init__(self, embedder: Embedder, max_batch: int = 32) -> None:
        if max_batch < 1:
            raise ValueError(f"max_batch must be at least 1, got {max_batch!r}")
        self._embedder = embedder
        self._max_batch = max_batch
        self._queue: deque[Waiting] = deque()
        self._draining: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "embed-queries")
        self._closed = False

    async def embed(self, text: str) -> Vector:
        """Return the query's vector (d,). What the embedder raises for this text is raised here, and only here."""
        if self._closed:
            raise RuntimeError("this QueryBatcher is closed")
        waiting = Waiting(text, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain())
        return await waiting.answer

    async def aclose(self) -> None:
        """Answer what is queued, then end the thread."""
        self._closed = True
        if self._draining is not None:
            await self._draining
        self._thread.shutdown(wait=False)

    async def _drain(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(self._max_batch, len(self._queue)))]
            await self._answer([waiting for waiting in batch if not waiting.answer.cancelled()])
        self._draining = None

    async def _answer(self, batch: list[Waiting]) -> None:
        if not batch:
            return
        loop = asyncio.get_running_loop()
        texts = [waiting.text for waiting in batch]
        try:
            vectors = await loop.run_in_executor(self._thread, lambda: self._embedder.embed(texts, kind="query"))
            answers = list(zip(batch, vectors, strict=True))
        except Exception as error:  # handed on whole: the waiting caller decides
            await self._refuse(batch, error)
            return
        for waiting, vector in answers:
            if not waiting.answer.done():
                waiting.answer.set_result(vector)

    async def _refuse(self, batch: list[Waiting], error: Exception) -> None:
        """One text at fault must not fail the others: each is tried alone."""
        if len(batch) > 1:
            for waiting in batch:
                await self._answer([waiting])
        elif not batch[0].answer.done():
            batch[0].answer.set_exception(error)
