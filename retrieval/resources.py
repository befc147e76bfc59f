"""What all collections of a process share: the database, embedders, and threads for searches and for long builds."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from retrieval.base import Embedder
from retrieval.database import Database
from retrieval.embedders.batching import QueryBatcher
from retrieval.indexes.postgres import Postgres, without_address
from retrieval.pace import Pace, step_back
from retrieval.rerankers.stage import Rerankers

OPENERS = 8
"""Threads, most of them asleep: one may wait for a service that hangs."""


@dataclass(frozen=True)
class Resources:
    database: Database
    embedder: Callable[[str], tuple[Embedder, QueryBatcher]]
    """By spec; cheap, and the same object each time: a model is loaded on its first use. From any thread."""
    searchers: ThreadPoolExecutor
    builder: ThreadPoolExecutor
    """One thread (`background_threads`) for whatever takes long and may wait: the building of indexes."""
    directory: Path
    """Of all collections."""
    build_share: float = 0.5
    """Of one core: what a build may take."""
    rerankers: Rerankers = field(default_factory=Rerankers)
    postgres: Postgres = field(default_factory=without_address)
    """What holds the `pgvector` indexes."""
    openers: ThreadPoolExecutor = field(default_factory=lambda: background_threads(OPENERS, "open"))
    """For the loading of generations that are there, which must not wait for another collection's build."""

    def pace(self, told: Callable[[int, int], None] | None = None) -> Pace:
        return Pace(self.build_share, told)


def background_threads(count: int = 1, name: str = "build") -> ThreadPoolExecutor:
    """Threads that step back behind the searches."""
    return ThreadPoolExecutor(count, thread_name_prefix=name, initializer=step_back)
