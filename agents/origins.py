"""What a run began from, beside its question."""

from __future__ import annotations

from typing import Any, Literal

from agents.fact import Fact
from agents.spending import Price
from backends.base import Capabilities, Message


class ThreadRead(Fact):
    """The thread had turns before this one, and the run goes on from them."""

    type: Literal["thread_read"] = "thread_read"
    messages: tuple[Message, ...]
    """Oldest first."""


class Forked(Fact):
    """What stands above was taken over from another run; from here on the run is its own."""

    type: Literal["forked"] = "forked"
    forked_from: str
    """The other run."""
    from_step: int
    """The first step that is the run's own, counted from 1."""
    backend: str
    """From here on, as are the rest."""
    capabilities: Capabilities
    price: Price | None
    options: dict[str, Any]
