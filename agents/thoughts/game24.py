"""The Game of 24 as a tree: each thought is one equation and the numbers that it leaves.

Source: Yao et al. 2023, section 4.1 and its code: one proposal call lists the next equations, a state is judged by
three calls whose last line is `sure`, `likely` or `impossible` (weights 20, 1, 0.001, summed), b = 5, T = 0.7; three
equations and then a step that writes the expression, four levels in all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agents.thoughts.base import Defaults
from agents.thoughts.game24_prompts import EXPRESS, JUDGE, JUDGE_ANSWER, PROPOSE, VOTE

WEIGHTS = {"sure": 20.0, "likely": 1.0, "impossible": 0.001}
_LEFT = re.compile(r"left:\s*([^)\n]*)")


def numbers_left(question: str, state: str) -> str:
    """The numbers that the state's last equation leaves, `4 10 11`; of an empty state the puzzle's."""
    found = _LEFT.findall(state.strip().rpartition("\n")[2])
    return found[-1].strip() if found else "" if state.strip() else question.strip()


class Game24Thoughts:
    name = "game24"
    defaults = Defaults(depth=4)

    def lacks(self, question: str) -> str:
        return "" if re.search(r"\d", question) else "numbers, `4 5 6 10`"

    def same(self, state: str) -> str:
        return state

    def proposal(self, question: str, state: str) -> str:
        left = numbers_left(question, state)
        if left == "24":
            return EXPRESS.format(puzzle=question.strip(), steps=state)
        return PROPOSE.format(numbers=left)

    def states(self, question: str, state: str, replies: Sequence[str]) -> list[str]:
        """Every line is a state, as in the paper's code: one that is no equation, or empty, is judged, not dropped."""
        return [f"{state}{line.strip()}\n" for reply in replies for line in reply.removesuffix("\n").split("\n")]

    def judgements(self, question: str, state: str) -> list[str]:
        """By the numbers that are left; a last line that leaves none is judged as an answer."""
        left = numbers_left(question, state)
        if left:
            return [JUDGE.format(numbers=left)]
        last = state.strip().rpartition("\n")[2]
        answer = last.lower().removeprefix("answer:").strip()
        return [JUDGE_ANSWER.format(puzzle=question.strip(), answer=answer)]

    def value(self, question: str, state: str, replies: Sequence[str]) -> float:
        return sum(WEIGHTS.get(reply.lower(), 0.0) for reply in replies)

    def ballot(self, question: str, states: Sequence[str]) -> str:
        listed = "\n\n".join(f"Choice {n}:\n{state.strip()}" for n, state in enumerate(states, start=1))
        return VOTE.format(puzzle=question.strip(), choices=listed)

    def answer(self, question: str, state: str) -> str:
        return state.strip().rpartition("\n")[2]
