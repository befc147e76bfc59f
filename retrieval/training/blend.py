"""Mixtures of the weights before and after training (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").

What a model has learned from few questions costs it some of what it knew; between the two it is often better at both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from retrieval.training.ranking import better

SHARES: Final = (1.0, 0.75, 0.5, 0.25, 0.0)
"""Of the weights after training."""


def blended(
    model: Any, before: Mapping[str, Any], evaluator: Callable[[Any], dict[str, float]], select: str
) -> tuple[float, dict[str, float]]:
    """Leave in `model` the mixture that validates best, the more trained one where two are alike; returns its share and
    its figures. `before`: the weights it began with."""
    after = {name: weight.detach().clone() for name, weight in model.state_dict().items()}
    best, found = 1.0, evaluator(model)
    for share in SHARES[1:]:
        mix(model, before, after, share)
        figures = evaluator(model)
        if better(figures, found, select):
            best, found = share, figures
    mix(model, before, after, best)
    return best, found


def mix(model: Any, before: Mapping[str, Any], after: Mapping[str, Any], share: float) -> None:
    mixed = {
        name: weight if not weight.is_floating_point() else before[name].lerp(weight, share)
        for name, weight in after.items()
    }
    model.load_state_dict(mixed)
