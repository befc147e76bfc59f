"""Searching a collection by its halves, dense and lexical, either or both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from retrieval.fusion import calibrated, lexical_parts, readable, reciprocal_rank
from retrieval.indexes.places import check_k

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrieval.base import Ids, Scores, Vectors
    from retrieval.indexes.bm25 import BM25Index
    from retrieval.indexes.flat import FlatIndex
    from retrieval.indexes.spec import Fusion

DEPTH: Final = 100
"""Passages each half puts up at least, whatever k is: a good one may be far down in one of them."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A passage found. Ranks count from 1; None: it is not among the first of that half, or there is no such half."""

    id: int
    score: float
    """0 to 1, never rising down the list. Dense alone: the cosine; lexical alone: `fusion.lexical_parts`; both: the
    weighted mean of the two (`fusion.calibrated`), or the reciprocal ranks as a share of the best possible."""
    dense: float | None = None
    """The cosine, of every passage found if there is a dense half."""
    dense_rank: int | None = None
    lexical: float | None = None
    """The BM25 score; None: no term matched."""
    lexical_rank: int | None = None
    fused: float | None = None
    """What the list is ordered by, where two halves are."""


@dataclass(frozen=True, slots=True)
class _Half:
    scores: NDArray[np.float64]
    """(n,) for all passages put up by either half; -inf where a half has none."""
    ranks: NDArray[np.float64]
    """(n,) inf where this half did not put it up."""


def search(
    query: str,
    vector: Vectors | None,
    dense: FlatIndex | None,
    lexical: BM25Index | None,
    k: int,
    allow: Ids | None,
    *,
    fusion: Fusion | None,
    scripts: frozenset[str],
) -> list[Ranked]:
    """Return the best k passages or fewer, best first. Raises ValueError for k < 1, or no half to search in.

    `vector` (d,): of the query, if there is a `dense` index; `scripts`: what its embedder reads (`Embedder.scripts`);
    `fusion` says how two halves are joined (None as `calibrated`). Only ids in `allow` (sorted, unique) are found.
    """
    check_k(k)
    depth = max(k, DEPTH)
    by_vector = dense.search(vector[None], depth, allow) if dense is not None and vector is not None else None
    by_terms = lexical.search([query], depth, allow) if lexical is not None else None
