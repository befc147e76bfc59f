"""Training a gate: softmax regression from vectors of questions to the experts that were judged right for them.

    loss = - mean_b log g_{e(b)}(x_b) + l2/2 ||W - W_0||^2 + alpha E sum_e f_e P_e

W_0, where it begins and what it is held to, are the vectors of the experts' descriptions, so a few judged questions
change little. The last term is Switch's balance loss; f, the shares of first choices, has no gradient.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agents.experts.gate import softmax

if TYPE_CHECKING:
    from agents.experts.gate import Floats, Ints


@dataclass(frozen=True)
class Recipe:
    temperature: float = 0.1
    steps: int = 300
    rate: float = 0.05
    l2: float = 0.01
    balance: float = 0.0
    """alpha; 0: the judged routes alone decide."""


def train(inputs: Floats, experts: Ints, begin: Floats, recipe: Recipe) -> Floats:
    """(n, d) vectors, (n,) numbers of experts and (E, d) vectors to begin with; returns (E, d). All of it each step, so
    the same data gives the same gate."""
    import numpy as np

    weights = begin.copy()
    for _ in range(recipe.steps):
        weights -= recipe.rate * gradient(inputs, experts, weights, begin, recipe)[1]
    found: Floats = np.asarray(weights)
    return found


def gradient(inputs: Floats, experts: Ints, weights: Floats, begin: Floats, recipe: Recipe) -> tuple[float, Floats]:
    """The loss, and its gradient by the (E, d) weights."""
    import numpy as np

    count, number = len(inputs), len(weights)
    gated = softmax(inputs @ weights.T / recipe.temperature)
    right = np.eye(number)[experts]
    first = np.bincount(gated.argmax(axis=1), minlength=number) / count
    away = weights - begin
    loss = (
        -float(np.log(gated[np.arange(count), experts] + 1e-300).mean())
        + recipe.l2 / 2 * float((away**2).sum())
        + recipe.balance * number * float(first @ gated.mean(axis=0))
    )
    by_score = (gated - right) / count
    # d/ds_j of sum_e f_e g_e is g_j (f_j - sum_e f_e g_e).
    by_score += recipe.balance * number / count * gated * (first - gated @ first[:, None])
    slope: Floats = by_score.T @ inputs / recipe.temperature + recipe.l2 * away
    return loss, slope


def accuracy(inputs: Floats, experts: Ints, weights: Floats) -> float:
    """How often the highest gate is the one judged right."""
    return float(((inputs @ weights.T).argmax(axis=1) == experts).mean()) if len(inputs) else float("nan")
