"""Reflexion's heuristic h_t: whether an agent is stuck, and why.

Source: Shinn et al. 2023 (arXiv:2303.11366), section 4.1: the same action with the same response for more than 3
cycles, or more than 30 actions. Thoughts are no actions, and any other action in between breaks a row.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

Stuck = Literal["repeated", "too_long"]
MAX_REPEAT, MAX_ACTIONS = 3, 30


def stuck(
    actions: Iterable[tuple[str, str]], max_repeat: int = MAX_REPEAT, max_actions: int = MAX_ACTIONS
) -> Stuck | None:
    """Whether the agent got stuck at some point of its actions, each with what was observed.

    `repeated`: one more than max_repeat in a row were equal. `too_long`: there were more than max_actions.
    """
    row, before = 0, None
    for number, action in enumerate(actions, start=1):
        row, before = (row + 1 if action == before else 1), action
        if row > max_repeat:
            return "repeated"
        if number > max_actions:
            return "too_long"
    return None
