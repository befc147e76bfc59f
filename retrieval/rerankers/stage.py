"""The stage after the search: the first hits put in order again by a second, slower opinion."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Final

from retrieval.rerankers.load import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrieval.base import Hit, Reranker

MOST: Final = 8
THREADS: Final = 2
"""Of its own: a model that reads for a second holds up no search that does not ask for it."""


class Rerankers:
    """Rerankers by spec; each is loaded once, and the oldest let go of when there are many."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="rerank")
        self._loaded: dict[str, Reranker] = {}
        self._loading = Lock()

    def get(self, spec: str) -> Reranker:
        """Cheap: a model itself is loaded on its first use. Raises BadReranker."""
        with self._loading:
            if spec not in self._loaded:
                self._loaded[spec] = load(spec)
                if len(self._loaded) > MOST:
                    del self._loaded[next(iter(self._loaded))]
            return self._loaded[spec]

    async def reranked(self, spec: str, query: str, hits: Sequence[Hit]) -> list[Hit]:
        """The hits in their new order; equal scores keep the old one. Raises BadReranker, RerankerMissing."""
        reranker = self.get(spec)
        scores = await asyncio.get_running_loop().run_in_executor(self._threads, reranker.scores, query, hits)
        order = sorted(range(len(hits)), key=lambda place: -scores[place])
        return [_placed(hits[place], scores[place], place, rank) for rank, place in enumerate(order, start=1)]

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)


def _placed(hit: Hit, score: float, place: int, rank: int) -> Hit:
    found = {"rerank": score, "rerank_rank": rank, "candidate_rank": place + 1}
    return hit.model_copy(update={"score": score, "stages": hit.stages.model_copy(update=found)})
