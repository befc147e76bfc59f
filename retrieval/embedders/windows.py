"""Texts longer than a model's window: cut into overlapping windows, their vectors pooled into one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from retrieval.base import Vectors

OVERLAP: Final = 8
"""At least one eighth of a window is shared with the next, so that what stands at a seam is seen in context."""


def cut(tokens: int, room: int) -> list[tuple[int, int]]:
    """Return half-open ranges of at most `room` tokens, evenly spaced, that cover 0..tokens; one range if it fits."""
    if tokens <= room:
        return [(0, tokens)]
    step = room - room // OVERLAP
    count = 1 + -(-(tokens - room) // step)
    starts = [(tokens - room) * place // (count - 1) for place in range(count)]
    return [(start, start + room) for start in starts]


def pool(vectors: Vectors, weights: Sequence[int]) -> NDArray[np.float32]:
    """Return the mean of unit vectors (n, d), weighted (by tokens), as a unit vector (d,)."""
    import numpy as np

    mean = vectors[0] if len(vectors) == 1 else np.asarray(weights, np.float32) @ vectors
    return np.asarray(mean / np.linalg.norm(mean), np.float32)
