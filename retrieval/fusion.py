"""Making one list of what a dense and a lexical search found.

Ranks alone (`reciprocal_rank`) cannot tell a half that knows the answer from one that guesses: an embedder that never
saw Chinese ranks Chinese passages too. `calibrated` adds scores, each weighed by what its half can know of this query.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from retrieval.scripts import shares

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrieval.base import Scores

DENSE_WEIGHT: Final = 1.5
"""Of a cosine, where the lexical half weighs 1. The cosines of good and bad passages differ by a third or so of their
range, lexical scores by nearly all of it. With 1.2 or 2 no set of tests/retrieval/test_quality.py moves by .01."""
ENOUGH_MATCHED: Final = 0.5
"""Share of the attainable lexical score from which the best passage counts in full. Its median is .42 to .62 on the
sets of tests/retrieval/test_quality.py, and .10 to .17 once 80 % of the terms that a question shares with the passage
that answers it are replaced by others of the collection. With .35 or .7 no set moves by .01."""
RANK_SMOOTHING: Final = 60
"""Cormack, Clarke and Buettcher 2009, Reciprocal Rank Fusion Outperforms Condorcet and Individual Rank Learning
Methods, section 3."""


def readable(query: str, scripts: frozenset[str]) -> float:
    """Return the share (0 to 1) of the query's letters in the `scripts` an embedder was trained on; 1 if it has none.

    No scripts: the embedder is taken to read all.
    """
    found = shares(query)
    if not scripts or not found:
        return 1.0
    return sum(share for script, share in found.items() if script in scripts)


def lexical_parts(scores: Scores, attainable: float) -> NDArray[np.float64]:
    """Return BM25 scores (n,) as 0 to 1: their share of the best, times how far the best is `ENOUGH_MATCHED`.

    `attainable`: the score of a passage full of every term of the query that the collection has. Terms it lacks are
    left out, for they tell nothing of its passages.
    """
    import numpy as np

    best = float(scores.max(initial=0.0))
    if best <= 0 or attainable <= 0:
        return np.zeros(len(scores))
    return scores.astype(np.float64) / best * _confidence(best, attainable)


def calibrated(dense: Scores, lexical: Scores, *, readable: float, attainable: float) -> NDArray[np.float64]:
    """Return one score for each of the same n passages, given cosines (n,) and BM25 scores (n,; 0: no term matched).

    A weighted mean, 0 to 1, of the cosine and of `lexical_parts`. The dense half weighs as much as the embedder can
    read of the query; the lexical half as much as it matched of it, and takes over what the embedder cannot read.
    """
    import numpy as np

    parts = lexical_parts(lexical, attainable)
    by_vector, by_terms = DENSE_WEIGHT * readable, float(parts.max(initial=0.0))
    # A cosine below 0 is no worse than none: it must not eat up what the terms say.
    cosines = np.maximum(dense.astype(np.float64), 0.0)
    fused: NDArray[np.float64] = (by_vector * cosines + parts) / (by_vector + max(by_terms, 1 - readable))
    return fused


def reciprocal_rank(*ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of 1 / (60 + rank), as a share of what being first everywhere gives: 0 to 1.

    `ranks` (n,) count from 1, one array per half; inf: not found by it.
    """
    import numpy as np

    best = len(ranks) / (RANK_SMOOTHING + 1)
    fused: NDArray[np.float64] = np.sum([1 / (RANK_SMOOTHING + rank) for rank in ranks], axis=0) / best
    return fused


def _confidence(best: float, attainable: float) -> float:
    return min(1.0, best / attainable / ENOUGH_MATCHED)
