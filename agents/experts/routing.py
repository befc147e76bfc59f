"""Which expert gets which input of a batch, and what its output weighs.

Sources: Lepikhin et al. 2020, GShard (arXiv:2006.16668), algorithm 1; Fedus et al. 2021, Switch Transformers
(arXiv:2101.03961); Lewis et al. 2021, BASE Layers (arXiv:2103.16716).

An expert takes at most `capacity` inputs of a batch. One that comes too late has no expert in that place: expert -1,
weight 0. An input without any expert passes by (in a transformer its residual carries it on).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from agents.experts.gate import ranked

if TYPE_CHECKING:
    from numpy.random import Generator

    from agents.experts.gate import Bools, Floats, Ints

SecondRule = Literal["gshard", "raw", "threshold"]
THRESHOLD = 0.2
"""Of Mesh-TensorFlow: a second expert with a renormalised gate of that or more is always taken."""


@dataclass(frozen=True)
class Routes:
    experts: Ints
    """(B, k), -1: none."""
    weights: Floats
    """(B, k), 0 where there is none."""
    overflow: Ints
    """(E,): how many inputs of each expert's it had no room for."""

    def bypassed(self) -> list[int]:
        """The inputs that no expert takes."""
        return [row for row, chosen in enumerate(self.experts.tolist()) if max(chosen) < 0]


def capacity(inputs: int, experts: int, k: int = 1, factor: float = 1.0) -> int:
    """ceil(k * factor * B / E): a share of all choices, with some room."""
    # 1.1 * 10 is 11.000000000000002 in floating point, and would make 12.
    return math.ceil(round(k * factor * inputs / experts, 9))


def switch(gated: Floats, room: int) -> Routes:
    """Top-1: the output of the best expert times its gate, which is not renormalised."""
    import numpy as np

    best = ranked(gated)[:, 0]
    taken = _first_come(best, np.zeros(gated.shape[1], dtype=np.int64), room)
    gate = gated[np.arange(len(best)), best]
    return Routes(
        experts=np.where(taken, best, -1)[:, None],
        weights=np.where(taken, gate, 0.0)[:, None],
        overflow=np.bincount(best[~taken], minlength=gated.shape[1]),
    )


def second_odds(first: Floats, second: Floats, rule: SecondRule = "gshard") -> Floats:
    """How probable it is that the second expert is asked, from the two highest gates.

    `gshard`: min(1, 2 g2 / (g1 + g2)), as in algorithm 1. `raw`: min(1, 2 g2), a common retelling. `threshold`:
    min(1, g2 / (g1 + g2) / 0.2), Mesh-TensorFlow's.
    """
    import numpy as np

    share = second / (first + second)
    odds = {"gshard": 2 * share, "raw": 2 * second, "threshold": share / THRESHOLD}[rule]
    return np.minimum(odds, 1.0)


def gshard(gated: Floats, room: int, chance: Generator, rule: SecondRule = "gshard") -> Routes:
    """Top-2: first experts in the order of the inputs, then second ones by chance where there is room left.

    The first expert's weight is g1 / (g1 + g2) also where the second is left out; a common retelling makes it 1 then.
    """
    import numpy as np

    rows = np.arange(len(gated))
    one, two = ranked(gated)[:, :2].T
    first, second = gated[rows, one], gated[rows, two]
    taken = _first_come(one, np.zeros(gated.shape[1], dtype=np.int64), room)
    # What overflows has filled its expert, so only what was taken counts.
    full = np.bincount(one[taken], minlength=gated.shape[1])
    drawn = second_odds(first, second, rule) > chance.random(len(gated))
    also = np.zeros(len(gated), dtype=bool)
    also[drawn] = _first_come(two[drawn], full, room)
    late = np.concatenate([one[~taken], two[drawn & ~also]])
    return Routes(
        experts=np.stack([np.where(taken, one, -1), np.where(also, two, -1)], axis=1),
        weights=np.stack([np.where(taken, first, 0.0), np.where(also, second, 0.0)], axis=1)
        / (first + second)[:, None],
        overflow=np.bincount(late, minlength=gated.shape[1]),
    )


def balanced(scores: Floats) -> Ints:
    """BASE: the assignment of T inputs to E experts with the highest sum of scores under which each expert has T / E.

    Where E does not divide T each has the whole part of it or one more. The paper calls a solver of its own, the
    auction algorithm; this is scipy's for the same assignment problem.
    """
    import numpy as np
    from scipy.optimize import linear_sum_assignment

    inputs, experts = scores.shape
    share, more = divmod(inputs, experts)
    places = np.tile(np.arange(experts), share + (more > 0))
    table = scores[:, places]
    if more:
        # Rows that nobody reads fill what is left of the last round of places, and only that.
        spare = np.zeros((experts - more, len(places)))
        spare[:, : share * experts] = -np.inf
        table = np.concatenate([table, spare])
    _, columns = linear_sum_assignment(table, maximize=True)
    chosen: Ints = places[columns[:inputs]].astype(np.int64)
    return chosen


def _first_come(wanted: Ints, full: Ints, room: int) -> Bools:
    """Which of the inputs, in their order, find a place with the expert they want."""
    import numpy as np

    counts, taken = full.copy(), np.zeros(len(wanted), dtype=bool)
    for row, expert in enumerate(wanted.tolist()):
        if counts[expert] < room:
            counts[expert] += 1
            taken[row] = True
    return taken
