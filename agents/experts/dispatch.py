"""From scores to who answers what: one of three routings, and what becomes of a question without an expert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from agents.experts.gate import ranked, softmax
from agents.experts.load import Load, load
from agents.experts.routing import Routes, balanced, capacity, gshard, switch

if TYPE_CHECKING:
    from agents.experts.gate import Floats
    from agents.experts.routing import SecondRule

Method = Literal["top1", "top2", "base"]
CHOICES = {"top1": 1, "top2": 2, "base": 1}


@dataclass(frozen=True)
class Rules:
    method: Method
    second: SecondRule
    factor: float
    temperature: float
    overflow: Literal["bypass", "next"]


@dataclass(frozen=True)
class Plan:
    gates: list[list[float]]
    chosen: list[list[int]]
    """Of each question, -1: none."""
    weights: list[list[float]]
    capacity: int
    overflow: list[int]
    load: Load


def plan(scores: Sequence[Sequence[float]], rules: Rules, seed: int) -> Plan:
    """`seed`: of the chance by which second experts are asked."""
    import numpy as np

    given = np.asarray(scores, dtype=np.float64)
    gated = np.round(softmax(given / rules.temperature), 6)
    k = CHOICES[rules.method]
    room = capacity(len(given), given.shape[1], k, rules.factor)
    if rules.method == "base":
        room = -(-len(given) // given.shape[1])
        routes = _base(given)
    elif rules.method == "top1":
        routes = switch(gated, room)
    else:
        routes = gshard(gated, room, np.random.default_rng(seed), rules.second)
    if rules.overflow == "next":
        routes = _with_next(routes, gated, room)
    return Plan(
        gates=gated.tolist(),
        chosen=routes.experts.tolist(),
        weights=np.round(routes.weights, 6).tolist(),
        capacity=room,
        overflow=routes.overflow.tolist(),
        load=load(gated, k),
    )


def _base(scores: Floats) -> Routes:
    """The output is weighed by the sigmoid of its score, as in equation 1 of BASE Layers."""
    import numpy as np

    chosen = balanced(scores)
    of_chosen = scores[np.arange(len(scores)), chosen]
    return Routes(
        experts=chosen[:, None],
        weights=(1 / (1 + np.exp(-of_chosen)))[:, None],
        overflow=np.zeros(scores.shape[1], dtype=np.int64),
    )


def _with_next(routes: Routes, gated: Floats, room: int) -> Routes:
    """A question that no expert took goes to the best one with room left, weighed by its gate."""
    import numpy as np

    experts, weights = routes.experts.copy(), routes.weights.copy()
    counts = np.bincount(experts[experts >= 0], minlength=gated.shape[1])
    for row in routes.bypassed():
        free = [expert for expert in ranked(gated)[row].tolist() if counts[expert] < room]
        if free:
            experts[row, 0], weights[row, 0] = free[0], gated[row, free[0]]
            counts[free[0]] += 1
    return Routes(experts, weights, routes.overflow)
