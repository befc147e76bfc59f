"""What a generation is worth: its recall against an exact search of its own vectors, its speed and its size.

Each query is embedded and searched on one thread, as a request would have it, in turns with the active generation, so
that a busy machine slows both alike. Recall says what the index loses, not how good the embedder is.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.generation import Generation
    from retrieval.lanes import Lane
    from retrieval.pace import Pace

K = 10


@dataclass
class Figures:
    seconds: list[float] = field(default_factory=list)
    recalls: list[float] = field(default_factory=list)
    asked: int = 0
    """How many of the queries somebody asked; the others are sentences of the documents."""

    def metrics(self, generation: Generation, build_s: float | None) -> dict[str, Any]:
        times = sorted(self.seconds)
        return {
            "recall_at_10": _mean(self.recalls),
            "p50_ms": _ms(times, 0.5),
            "p99_ms": _ms(times, 0.99),
            "qps": round(len(times) / sum(times), 1) if times else None,
            "bytes_per_vector": generation.bytes_per_vector(),
            "build_s": build_s,
            "disk_bytes": generation.disk_bytes(),
            "ndcg_at_10": None,
            "mrr_at_10": None,
            "n_queries": len(times),
            "n_asked": self.asked,
        }


async def measure(
    collection: Collection, lanes: Sequence[Lane], queries: Sequence[str], pace: Pace
) -> list[Figures]:  # fmt: skip
    """Figures of each lane over the same queries. Raises Stopped."""
    figures, asked = [Figures() for _ in lanes], set(collection.asked)
    for lane in lanes:
        # The first search reads pages and fills caches, for no query's account.
        await collection.in_thread(_timed, lane.generation, next(iter(queries), ""))
    for number, query in enumerate(queries):
        timed = [await collection.in_thread(_timed, lane.generation, query) for lane in lanes]
        for found, one in zip(figures, timed, strict=True):
            found.seconds.append(one.seconds)
            found.asked += query in asked
        # The rest is nobody's request: it stands back behind those that are.
        shares = await collection.building(_shares, [lane.generation for lane in lanes], query, timed)
        for found, share in zip(figures, shares, strict=True):
            found.recalls += [] if share is None else [share]
        spent = sum(one.seconds for one in timed)
        await collection.building(pace.slice, number + 1, len(queries), spent)
    return figures


class _Timed(NamedTuple):
    seconds: float
    vector: Any
    found: Sequence[int]


def _timed(generation: Generation, query: str) -> _Timed:
    began = time.perf_counter()
    vector = vector_of(generation, query)
    found = generation.search(query, vector, K, None)
    return _Timed(time.perf_counter() - began, vector, [ranked.id for ranked in found])


def _shares(generations: Sequence[Generation], query: str, timed: Sequence[_Timed]) -> list[float | None]:
    both = zip(generations, timed, strict=True)
    return [recall(generation, query, one.vector, one.found) for generation, one in both]


def vector_of(generation: Generation, query: str) -> Any:
    """Of a query; None for a generation without a dense half."""
    from retrieval.collection import READ

    return generation.embedder.embed([query[:READ]], kind="query")[0] if generation.spec.dense is not None else None


def recall(generation: Generation, query: str, vector: Any, found: Sequence[int]) -> float | None:
    """The share of the exact results that was found; None if there are none."""
    return share_found({ranked.id for ranked in generation.search(query, vector, K, None, exactly=True)}, found)


def share_found(exact: AbstractSet[int], found: Sequence[int]) -> float | None:
    return len(exact & set(found)) / len(exact) if exact else None


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), 4) if values else None


def _ms(ordered: Sequence[float], share: float) -> float | None:
    return round(ordered[min(int(share * len(ordered)), len(ordered) - 1)] * 1000, 3) if ordered else None
