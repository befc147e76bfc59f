"""How near texts are to a query in meaning, without an index: for a few hundred texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrieval.base import Embedder


def nearness(embedder: Embedder, query: str, texts: Sequence[str]) -> list[float]:
    """The cosine of each text. Blocking: some milliseconds a text."""
    vectors = embedder.embed(texts, kind="document")
    scores: list[float] = (vectors @ embedder.embed([query], kind="query")[0]).tolist()
    return scores


def cosines(embedder: Embedder, queries: Sequence[str], texts: Sequence[str]) -> list[list[float]]:
    """Of each query with each text. Blocking: some milliseconds a text."""
    vectors = embedder.embed(texts, kind="document")
    found: list[list[float]] = (embedder.embed(queries, kind="query") @ vectors.T).tolist()
    return found
