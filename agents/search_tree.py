"""Events of a search over thoughts: nodes, what was given up, and where the search went back to."""

from __future__ import annotations

from typing import Literal

from agents.fact import Fact


class Candidate(Fact):
    """A node of a search tree; `parent` is None at the root, `value` before it is judged."""

    type: Literal["candidate"] = "candidate"
    id: str
    parent: str | None
    value: float | None
    state: str


class Pruned(Fact):
    type: Literal["pruned"] = "pruned"
    candidate: str
    reason: str


class Backtracked(Fact):
    type: Literal["backtracked"] = "backtracked"
    candidate: str
    """The one that the search returned to."""
