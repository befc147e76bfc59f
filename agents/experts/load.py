"""How evenly a batch loads the experts, and the losses that push a gate towards it.

With c_e the inputs whose choice is e, g the gates and B inputs, E experts:

    product(lambda)  lambda * sum_e m_e c_e, m_e = sum of gates, c over all k choices     (course notes on CS324)
    gshard           1/E * sum_e (c_e / B) * mean gate, c over first choices              (GShard, algorithm 1)
    switch(alpha)    alpha * E * sum_e (c_e / B) * mean gate, c over first choices        (Switch, equation 4)

c is a count and has no gradient; a gate learns through m alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agents.experts.gate import ranked

if TYPE_CHECKING:
    from agents.experts.gate import Floats, Ints


@dataclass(frozen=True)
class Load:
    chosen: Ints
    """(E,): choices of each expert, over all k."""
    first: Ints
    """(E,): first choices."""
    gate: Floats
    """(E,): sum of gates."""
    inputs: int

    @property
    def experts(self) -> int:
        return len(self.first)

    def product(self, weight: float = 1.0) -> float:
        return float(weight * (self.gate * self.chosen).sum())

    def gshard(self) -> float:
        return float((self.first * self.gate).sum() / self.inputs**2 / self.experts)

    def switch(self, alpha: float = 1.0) -> float:
        """alpha at best (all alike), alpha * E at worst."""
        return float(alpha * self.experts * (self.first * self.gate).sum() / self.inputs**2)

    def max_ratio(self) -> float:
        """First choices of the busiest expert against an even share: 1 at best, E at worst."""
        return float(self.first.max() * self.experts / self.inputs)


def load(gated: Floats, k: int = 1) -> Load:
    """Of (B, E) gates whose k highest are used."""
    import numpy as np

    order, experts = ranked(gated), gated.shape[1]
    return Load(
        chosen=np.bincount(order[:, :k].ravel(), minlength=experts),
        first=np.bincount(order[:, 0], minlength=experts),
        gate=gated.sum(axis=0),
        inputs=len(gated),
    )
