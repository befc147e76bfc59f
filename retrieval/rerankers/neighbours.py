"""Scores smoothed over passages that are alike; no model.

Passages on one subject tend to be relevant to the same queries (van Rijsbergen's cluster hypothesis), so a passage
gains by the scores of those most like it: one step of Diaz 2005, Regularizing Ad Hoc Retrieval Scores. Likeness is the
cosine of the terms' weights, where a term tells the more, the fewer of the candidates hold it; so it needs no figures
of the collection, and works for any index and language.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Final

from retrieval.analysis import terms
from retrieval.rerankers.load import NEIGHBOURS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from retrieval.base import Hit

NEAREST: Final = 10
SHARE: Final = 0.3
"""Of the score that comes from the neighbours. Chosen on Cranfield, XQuAD and HotpotQA: with .2 Cranfield gains .004
nDCG@10 less; with .5 it gains .008 more, and XQuAD (English), where one passage answers, loses .004, HotpotQA .016."""


class Neighbours:
    """A `Reranker`."""

    name: Final = NEIGHBOURS

    def scores(self, query: str, hits: Sequence[Hit]) -> list[float]:
        import numpy as np

        if len(hits) < 3:
            return [hit.score for hit in hits]
        own = np.array([hit.score for hit in hits], np.float64)
        like = _likeness([Counter(terms(hit.text)) for hit in hits])
        np.fill_diagonal(like, 0.0)
        # The weakest of the nearest and whatever is beyond count for nothing.
        count = min(NEAREST, len(hits) - 1)
        far = np.argsort(-like, axis=1, kind="stable")[:, count:]
        np.put_along_axis(like, far, 0.0, axis=1)
        weights = like.sum(axis=1)
        around = np.divide(like @ own, weights, out=own.copy(), where=weights > 0)
        smoothed: list[float] = np.clip((1 - SHARE) * own + SHARE * around, 0.0, 1.0).tolist()
        return smoothed


def _likeness(counted: Sequence[Counter[str]]) -> NDArray[np.float64]:
    """Cosines (n, n) of the passages' tf-idf weights."""
    import numpy as np

    held = Counter(term for counts in counted for term in counts)
    columns = {term: column for column, term in enumerate(held)}
    matrix = np.zeros((len(counted), len(columns)))
    for row, counts in enumerate(counted):
        for term, count in counts.items():
            telling = math.log(1 + (len(counted) - held[term] + 0.5) / (held[term] + 0.5))
            matrix[row, columns[term]] = (1 + math.log(count)) * telling
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    matrix /= np.where(lengths > 0, lengths, 1.0)
    return matrix @ matrix.T
