"""From judged routes as vectors to a gate and its figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from agents.experts.affinity import described
from agents.experts.expert import BUILT_IN, Expert, ExpertParts
from agents.experts.train import Recipe, accuracy, gradient, train

if TYPE_CHECKING:
    from retrieval.base import Vectors


def described_by(name: str, configured: Mapping[str, ExpertParts]) -> str:
    """The text that stands for an expert before training."""
    if name in configured:
        return described(Expert(name=name, description=configured[name].description))
    return next((described(expert) for expert in BUILT_IN if expert.name == name), name)


def fitted(
    inputs: Vectors, experts: Sequence[int], begin: Vectors, held: float, seed: int, recipe: Recipe
) -> tuple[list[tuple[float, ...]], dict[str, float]]:
    """Vectors (E, d) of the trained gate, and how often it is right where it was not trained, beside the descriptions
    alone (`begin`)."""
    import numpy as np

    order = np.random.default_rng(seed).permutation(len(inputs))
    kept = math.floor(held * len(inputs))
    back, used = order[:kept], order[kept:]
    x, y, start = np.asarray(inputs, np.float64), np.asarray(experts, np.int64), np.asarray(begin, np.float64)
    weights = train(x[used], y[used], start, recipe)
    figures = {
        "trained_on": len(used),
        "loss": round(gradient(x[used], y[used], weights, start, recipe)[0], 6),
        "held": len(back),
    }
    if kept:
        figures["accuracy"] = round(accuracy(x[back], y[back], weights), 6)
        figures["accuracy_before"] = round(accuracy(x[back], y[back], start), 6)
    return [tuple(round(value, 6) for value in row) for row in weights.tolist()], figures
