"""Searching a collection by its halves, dense and lexical, either or both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from retrieval.fusion import calibrated, lexical_parts, readable, reciprocal_rank
from retrieval.indexes.places import check_k

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrieval.base import Ids, Scores, Vectors
    from retrieval.indexes.bm25 import BM25Index
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


class Searched(Protocol):
    """What a search needs of a retrieval.base.Index."""

    def search(self, queries: Any, k: int, allow: Ids | None = None) -> tuple[Scores, Ids]: ...

    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class _Half:
    scores: NDArray[np.float64]
    """(n,) for all passages put up by either half; -inf where a half has none."""
    ranks: NDArray[np.float64]
    """(n,) inf where this half did not put it up."""


@dataclass(frozen=True, slots=True)
class Exactly:
    """A dense index, every vector compared."""

    index: Searched

    def search(self, queries: Any, k: int, allow: Ids | None = None) -> tuple[Scores, Ids]:
        find = getattr(self.index, "search_exactly", self.index.search)
        found: tuple[Scores, Ids] = find(queries, k, allow)
        return found

    def __len__(self) -> int:
        return len(self.index)


def search(
    query: str,
    vector: Vectors | None,
    dense: Searched | None,
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
    import numpy as np

    check_k(k)
    asked: dict[str, tuple[Searched, Any]] = {}
    if dense is not None and vector is not None:
        asked["dense"] = dense, vector[None]
    if lexical is not None:
        asked["lexical"] = lexical, [query]
    if not asked:
        raise ValueError("nothing to search in: neither a lexical index nor a dense one with the query's vector")
    attainable = lexical.attainable(query) if lexical is not None else 0.0
    held = max(1, *(len(index) for index, _ in asked.values()))
    if len(asked) == 1:
        return _alone(*asked.popitem(), min(k, held), allow, attainable)
    depth = min(max(k, DEPTH), held)
    first = {name: _found(index, payload, depth, allow) for name, (index, payload) in asked.items()}
    ids = np.unique(np.concatenate([found for _, found in first.values()]))
    halves = {name: _half(*asked[name], *first[name], ids) for name in asked}
    fused = _fused(halves, fusion, readable(query, scripts), attainable)
    # Where the fused score cannot tell (all 0: a query the embedder cannot read and no term of which is matched), the
    # cosine still may.
    order = np.lexsort((ids, -halves["dense"].scores, -fused))[:k]
    return [_ranked(int(ids[place]), float(fused[place]), int(place), halves) for place in order]


def _alone(name: str, asked: tuple[Searched, Any], k: int, allow: Ids | None, attainable: float) -> list[Ranked]:
    """What the only half found, in its own order."""
    scores, ids = _found(*asked, k, allow)
    shown = scores if name == "dense" else lexical_parts(scores, attainable)
    found = zip(ids.tolist(), shown.tolist(), scores.tolist(), strict=True)
    return [
        Ranked(id, _share(share), **{name: score, f"{name}_rank": rank})
        for rank, (id, share, score) in enumerate(found, 1)
    ]


def _found(index: Searched, query: Any, k: int, allow: Ids | None) -> tuple[Scores, Ids]:
    """Return scores and ids of one query without padding, best first."""
    scores, ids = index.search(query, k, allow)
    held = ids[0] >= 0
    return scores[0][held], ids[0][held]


def _half(index: Searched, query: Any, scores: Scores, found: Ids, ids: Ids) -> _Half:
    """Spread what one half found over all `ids`, and have it score those that only the other half put up."""
    import numpy as np

    spread, ranks = np.full(len(ids), -np.inf), np.full(len(ids), np.inf)
    places = np.searchsorted(ids, found)
    spread[places], ranks[places] = scores, np.arange(1, len(found) + 1)
    missing = np.setdiff1d(ids, found, assume_unique=True)
    if len(missing):
        others, found = _found(index, query, len(missing), missing)
        spread[np.searchsorted(ids, found)] = others
    return _Half(spread, ranks)


def _fused(halves: dict[str, _Half], fusion: Fusion | None, readable: float, attainable: float) -> NDArray[np.float64]:
    import numpy as np

    scores = {name: np.where(np.isfinite(half.scores), half.scores, 0.0) for name, half in halves.items()}
    if fusion == "rrf":
        return reciprocal_rank(*(half.ranks for half in halves.values()))
    return calibrated(scores["dense"], scores["lexical"], readable=readable, attainable=attainable)


def _ranked(id: int, fused: float, place: int, halves: dict[str, _Half]) -> Ranked:
    stages: dict[str, Any] = {}
    for name, half in halves.items():
        score, rank = float(half.scores[place]), float(half.ranks[place])
        stages[name] = score if math.isfinite(score) else None
        stages[f"{name}_rank"] = int(rank) if math.isfinite(rank) else None
    return Ranked(id, _share(fused), fused=fused, **stages)


def _share(score: float) -> float:
    return min(1.0, max(0.0, score))
