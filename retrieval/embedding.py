"""Vectors of chunks for one embedder: those that are stored, and the lacking ones made.

Those of a file of more than one slice are stored as they come. A file of one is soon embedded again: its vectors are
stored with it, in one transaction.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from retrieval.base import Embedder
from retrieval.catalog import NewChunk
from retrieval.database import Database
from retrieval.errors import EmbedderFailed
from retrieval.vectors import read_vectors, write_vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrieval.base import Vectors

    Vector = NDArray[np.float32]

log = logging.getLogger(__name__)

SLICE = 64
"""Chunks embedded between two commits of progress: some seconds of work on one core at most."""


@dataclass(frozen=True)
class Embedding:
    database: Database
    worker: ThreadPoolExecutor
    embedder: Embedder
    patience_s: float
    """How long one batch of texts waits for an embedder that is a service."""
    unstored: dict[bytes, Vector] = field(default_factory=dict)
    """Vectors made that are not stored, by `text_hash`."""

    async def of(
        self, chunks: Sequence[NewChunk], told: Callable[[int, int], Awaitable[None]] | None = None
    ) -> Vectors:  # fmt: skip
        """Float32 (n, d). `told(done, total)` hears of every slice that had to be made but the last; what it raises
        ends it."""
        import numpy as np

        embedder, loop = self.embedder, asyncio.get_running_loop()
        # The dimension may only be known once the model is loaded.
        dimension = await loop.run_in_executor(self.worker, lambda: embedder.dimension)
        vectors = np.empty((len(chunks), dimension), np.float32)
        for start in range(0, len(chunks), SLICE):
            some = chunks[start : start + SLICE]
            hashes = [c.text_sha256 for c in some]
            known = {digest: self.unstored[digest] for digest in hashes if digest in self.unstored}
            if len(known) < len(set(hashes)):
                known |= await self.database.read(lambda db, hashes=hashes: read_vectors(db, embedder, hashes))  # type: ignore[misc]
            lacking = {c.text_sha256: c.text for c in some if c.text_sha256 not in known}
            if lacking:
                made = await self._made(list(lacking.values()))
                new = dict(zip(lacking, made, strict=True))
                known |= new
                if len(chunks) > SLICE:
                    await self.database.write(lambda db, new=new: write_vectors(db, embedder, new))  # type: ignore[misc]
                else:
                    self.unstored.update(new)
                if told is not None and start + SLICE < len(chunks):
                    await told(start + len(some), len(chunks))
            for n, c in enumerate(some, start=start):
                vectors[n] = known[c.text_sha256]
        return vectors

    async def _made(self, texts: Sequence[str]) -> Vectors:
        """The vectors of `texts`. A service that is overloaded or down is waited for: a file is not lost for it."""
        loop, begun = asyncio.get_running_loop(), time.monotonic()
        for attempt in itertools.count():
            try:
                return await loop.run_in_executor(self.worker, lambda: self.embedder.embed(texts, kind="document"))
            except EmbedderFailed as error:
                pause = error.retry_after if error.retry_after is not None else min(60.0, 2.0**attempt)
                if not error.passing or time.monotonic() - begun + pause > self.patience_s:
                    raise
                log.warning("%s; ingest goes on in %.1f s", error, pause)
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")
