"""The gate of a mixture of experts: softmax over the products of an input with one embedding per expert.

    g_e(x) = softmax_e(w_e . x / temperature)        f(x) = sum_e g_e(x) h_e(x)

Sources: Jacobs et al. 1991, Adaptive mixtures of local experts; Shazeer et al. 2017 (arXiv:1701.06538), who keep the
k highest gates and renormalise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Bools = NDArray[np.bool_]
    Rows = Floats | NDArray[np.float32] | Sequence[Sequence[float] | NDArray[np.float32]]


def softmax(scores: Floats) -> Floats:
    """Over the last axis."""
    import numpy as np

    raised: Floats = np.exp(scores - scores.max(axis=-1, keepdims=True))
    raised /= raised.sum(axis=-1, keepdims=True)
    return raised


def gates(inputs: Floats, experts: Floats, temperature: float = 1.0) -> Floats:
    """(B, d) inputs and (E, d) embeddings of experts to (B, E) gates, each row of which sums to 1."""
    return softmax(inputs @ experts.T / temperature)


def products(left: Rows, right: Rows) -> list[list[float]]:
    """Each row of the one with each row of the other."""
    import numpy as np

    found: list[list[float]] = (np.asarray(left, dtype=np.float64) @ np.asarray(right, dtype=np.float64).T).tolist()
    return found


def ranked(gated: Floats) -> Ints:
    """(B, E): the experts of each row, highest gate first; among equals the lower number."""
    import numpy as np

    order: Ints = np.argsort(-gated, axis=-1, kind="stable")
    return order


def kept(gated: Floats, k: int) -> Floats:
    """The k highest gates of each row, renormalised; the others are 0."""
    import numpy as np

    best = ranked(gated)[..., :k]
    left: Floats = np.zeros_like(gated)
    np.put_along_axis(left, best, np.take_along_axis(gated, best, axis=-1), axis=-1)
    left /= left.sum(axis=-1, keepdims=True)
    return left
