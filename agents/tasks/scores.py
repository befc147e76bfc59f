"""Means over the items of a task, with their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

Z = 1.96
"""95 % of a normal distribution lie within so many standard deviations."""
RESAMPLES = 2_000


class Mean(NamedTuple):
    mean: float
    low: float
    high: float
    """Of the 95 % interval."""


def mean_of(values: Sequence[float]) -> Mean:
    """Wilson's interval for rights and wrongs (Wilson 1927), a percentile bootstrap for marks between."""
    if not values:
        return Mean(0.0, 0.0, 1.0)
    mean = sum(values) / len(values)
    if set(values) <= {0.0, 1.0}:
        return _wilson(mean, len(values))
    dice = Random(0)
    means = sorted(sum(dice.choices(values, k=len(values))) / len(values) for _ in range(RESAMPLES))
    return Mean(mean, means[int(RESAMPLES * 0.025)], means[int(RESAMPLES * 0.975)])


def _wilson(share: float, n: int) -> Mean:
    middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    return Mean(share, max(0.0, middle - half), min(1.0, middle + half))
