"""Events of a mixture of experts: where each question went, who was asked, and how the load was spread."""

from __future__ import annotations

from typing import Literal

from agents.fact import Fact
from agents.spending import Price
from backends.base import Capabilities


class Routed(Fact):
    """Rows are the questions of the batch, columns the experts."""

    type: Literal["routed"] = "routed"
    method: str
    experts: tuple[str, ...]
    features: str
    """What the gate compared: vectors of an embedder, or words."""
    gates: tuple[tuple[float, ...], ...]
    chosen: tuple[tuple[str, ...], ...]
    """The experts of each question, first choice first; "": none, for want of room or by chance."""
    weights: tuple[tuple[float, ...], ...]
    capacity: int
    """Questions that one expert takes."""
    overflow: tuple[int, ...]
    """Of each expert: choices that it had no room for."""


class Delegated(Fact):
    """An expert begins."""

    type: Literal["delegated"] = "delegated"
    input: int
    """Which question of the batch, from 0."""
    expert: str
    """"": none; the question passes by the experts to the run's own backend."""
    pipeline: str
    backend: str
    capabilities: Capabilities = Capabilities()
    price: Price | None = None
    collection: str | None = None
    generation: str | None = None


class ExpertLoad(Fact):
    """How the batch was spread. Of an expert that nobody chose all counts are 0."""

    type: Literal["expert_load"] = "expert_load"
    experts: tuple[str, ...]
    first: tuple[int, ...]
    """First choices."""
    asked: tuple[int, ...]
    """Questions that it was given."""
    model_calls: tuple[int, ...]
    tool_calls: tuple[int, ...]
    gate: tuple[float, ...]
    """Sum of its gates."""
    bypassed: int
    """Questions that no expert took."""
    max_ratio: float
    """First choices of the busiest expert against an even share: 1 at best, the number of experts at worst."""
    switch: float
    gshard: float
    product: float
    """Balance losses by three definitions: see `agents.experts.load`."""
