"""What a collection should answer: exact search in this process, and the list of all that it should hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import numpy as np

from benchmarks.traffic import Passage
from retrieval.base import Embedder, Kind

LAST_BIT = 1e-5
"""The service's vectors and the oracle's may differ by so much."""


class Oracle:
    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._vectors: dict[tuple[str, str], Any] = {}

    def know(self, texts: Sequence[str], kind: Kind) -> Any:
        """Vectors (n, d), made where they are lacking."""
        lacking = list(dict.fromkeys(text for text in texts if (kind, text) not in self._vectors))
        for start in range(0, len(lacking), 64):
            some = lacking[start : start + 64]
            made = self._embedder.embed(some, kind=kind)
            self._vectors |= {(kind, text): vector for text, vector in zip(some, made, strict=True)}
        return np.stack([self._vectors[kind, text] for text in texts])

    def recall(self, client: httpx.Client, store: str, alive: Mapping[str, Passage], queries: Sequence[str]) -> float:
        """Of the ten nearest of the documents there are, the share that a search returns."""
        files, shares = list(alive), []
        scores = self.know(queries, "query") @ self.know([alive[file].text for file in files], "document").T
        for query, row in zip(queries, scores, strict=True):
            reply = client.post(f"/v1/vector_stores/{store}/search", json={"query": query}).raise_for_status()
            least = np.sort(row)[-10] - LAST_BIT
            nearest = {file for file, score in zip(files, row, strict=True) if score >= least}
            shares.append(sum(hit["file_id"] in nearest for hit in reply.json()["data"]) / 10)
        return float(np.mean(shares))


def lost_and_resurrected(
    client: httpx.Client, store: str, generation: str, alive: Mapping[str, Passage]
) -> tuple[int, int]:  # fmt: skip
    """Files that a generation should find and does not, and files that it finds and should not: all are asked for,
    one value of `part` after the other."""
    parts: dict[int, set[str]] = defaultdict(set)
    for file, passage in alive.items():
        parts[passage.part].add(file)
    lost = resurrected = 0
    for part in range(max(parts) + 1):
        body = {
            "query": "what is there",
            "generation": generation,
            "max_num_results": 50,
            "filters": {"type": "eq", "key": "part", "value": part},
        }
        reply = client.post(f"/v1/vector_stores/{store}/search", json=body).raise_for_status()
        found = {hit["file_id"] for hit in reply.json()["data"]}
        lost += len(parts[part] - found)
        resurrected += len(found - parts[part])
    return lost, resurrected
