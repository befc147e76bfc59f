"""What a tree search over thoughts needs to know of a problem: how to go on from a state, and how to judge one.

A state is the text of the partial solution. Prompts and parsers are the problem's; the search knows nothing of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict


class Thought(BaseModel):
    """A node of the tree."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    parent: str | None
    state: str
    value: float = 0.0
    depth: int = 0


@dataclass(frozen=True)
class Defaults:
    """The paper's settings for the problem; a caller may set others."""

    search: Literal["bfs", "dfs"] = "bfs"
    generate: Literal["propose", "sample"] = "propose"
    evaluate: Literal["value", "vote"] = "value"
    depth: int = 3
    breadth: int = 5
    """b: states kept after each level of a breadth-first search."""
    samples: int = 1
    """k: calls that make new states from one; each proposal call may list many."""
    evaluations: int = 3
    """Calls that judge one state, or that vote on all."""
    threshold: float = 0.0
    """v_th: a depth-first search follows states of a higher value only."""
    ranked: bool = False
    """Depth first: new states come best first, and each is judged when the search reaches it. Otherwise all children of
    a state are judged at once, and followed by their value."""


class Problem(Protocol):
    name: str
    defaults: Defaults

    def lacks(self, question: str) -> str:
        """What the question would need to be one of this problem's; empty if it is one."""
        ...

    def same(self, state: str) -> str:
        """A name that states have in common which differ only by the way to them."""
        ...

    def proposal(self, question: str, state: str) -> str:
        """The prompt for new states; empty if there is nowhere to go from here."""
        ...

    def states(self, question: str, state: str, replies: Sequence[str]) -> list[str]:
        """The new states that the replies to the proposal name, in their order, with duplicates."""
        ...

    def judgements(self, question: str, state: str) -> Sequence[str]:
        """The prompts that ask for a state's value; none if it has one without asking."""
        ...

    def value(self, question: str, state: str, replies: Sequence[str]) -> float:
        """Of the last lines of the replies to the prompts, in their order."""
        ...

    def ballot(self, question: str, states: Sequence[str]) -> str:
        """The prompt that asks which of the states, numbered from 1, is best."""
        ...

    def answer(self, question: str, state: str) -> str:
        """What a state says to whoever asked."""
        ...


def choice(reply: str, count: int) -> int | None:
    """The number, from 1, that a vote names: the last one in the reply that is on the ballot; None if there is none."""
    named = [int(number) for number in re.findall(r"\d+", reply)]
    fitting = [number for number in named if 1 <= number <= count]
    return fitting[-1] if fitting else None
