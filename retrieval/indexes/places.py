"""Small array work that the indexes share: ids to places, scores to a ranked and padded list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrieval.base import Ids, Scores


def found_at(ascending: Ids, wanted: Ids) -> NDArray[np.intp]:
    """Return the places in `ascending` (distinct) of those `wanted` ids that it holds, in the order of `wanted`."""
    import numpy as np

    if len(ascending) == 0:
        return np.empty(0, np.intp)
    places = np.minimum(np.searchsorted(ascending, wanted), len(ascending) - 1)
    held: NDArray[np.intp] = places[ascending[places] == wanted]
    return held


def last_of_each(ids: Ids) -> NDArray[np.intp]:
    """Return the places, by ascending id, of the last occurrence of each distinct id."""
    import numpy as np

    _, from_the_end = np.unique(ids[::-1], return_index=True)
    places: NDArray[np.intp] = len(ids) - 1 - from_the_end
    return places


def best(scores: Scores, ids: Ids, k: int) -> tuple[Scores, Ids]:
    """Return the best k (k,), equal scores by ascending id, padded with (-inf, -1)."""
    import numpy as np

    if len(scores) > k:
        # All that tie with the k-th stay until the ids decide, so that the result does not hang on the partition.
        bar = np.partition(scores, len(scores) - k)[len(scores) - k]
        kept = scores >= bar
        scores, ids = scores[kept], ids[kept]
    order = np.lexsort((ids, -scores))[:k]
    top, named = np.full(k, -np.inf, np.float32), np.full(k, -1, np.int64)
    top[: len(order)], named[: len(order)] = scores[order], ids[order]
    return top, named


def stacked(rows: Sequence[tuple[Scores, Ids]], k: int) -> tuple[Scores, Ids]:
    """Return the rows of a batch as (n, k) scores and ids."""
    import numpy as np

    scores, ids = np.empty((len(rows), k), np.float32), np.empty((len(rows), k), np.int64)
    for row, (row_scores, row_ids) in enumerate(rows):
        scores[row], ids[row] = row_scores, row_ids
    return scores, ids


def check_k(k: int) -> None:
    if k <= 0:
        raise ValueError(f"k: {k!r} is not a positive number of results")
