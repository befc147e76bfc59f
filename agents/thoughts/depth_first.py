"""The way of a depth-first search: what is still to be followed, what was seen, and what is the best of it.

Source: Yao et al. 2023, algorithm 2. The recursion is a list of levels, so that a search can stop between two states
and go on after a restart.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from agents.run import Run
from agents.search_tree import Backtracked
from agents.thoughts.base import Thought

Path = list[list[Thought]]
"""For each state on the way down, its children that are still to be followed, the next one last."""


class Way(BaseModel):
    """Where a search stands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    levels: Path = []
    visited: list[Thought] = []
    """In the order of visiting."""

    def deeper(self, children: Sequence[Thought]) -> Way:
        """With the children of the state where the search is, best first."""
        return self.model_copy(update={"levels": [*self.levels, list(reversed(children))]})

    def seen(self, thought: Thought) -> Way:
        return self.model_copy(update={"visited": [*self.visited, thought]})


def step(run: Run, way: Way, most: int) -> tuple[Thought | None, Way]:
    """The state to visit next, None if there is none or `most` have been visited; tells where the search goes back."""
    levels = [list(level) for level in way.levels]
    while levels and not levels[-1]:
        levels.pop()
        if levels and levels[-1]:
            run.emit(Backtracked, candidate=levels[-1][-1].parent or "0")
    if not levels or len(way.visited) >= most:
        return None, way.model_copy(update={"levels": levels})
    thought = levels[-1].pop()
    return thought, way.model_copy(update={"levels": levels})


def best_of(visited: Sequence[Thought], *, by_value: bool) -> Thought | None:
    """The deepest; of several the most valued if that counts, else the first."""
    return max(visited, key=lambda thought: (thought.depth, thought.value if by_value else 0.0), default=None)
