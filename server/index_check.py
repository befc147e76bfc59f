"""Whether an index of a spec can be made here, asked before anything is."""

from __future__ import annotations

import asyncio

from retrieval.indexes import factory, pgvector
from server.services import Services


async def check_index(services: Services, dense: str, embedder: str) -> None:
    """Raises BadIndexSpec for a dense spec of which no index can be made over the embedder's vectors, EmbedderMissing,
    and IndexUnavailable. Loads the embedder."""
    vectors, _ = services.collections.embedder(embedder)

    def check() -> None:
        factory.check(dense, vectors.dimension)
        pgvector.check(dense, vectors.dimension)
        if dense.startswith(pgvector.PREFIX):
            services.collections.postgres.check()

    await asyncio.to_thread(check)
