"""The Game of 24 as a tree: each thought is one equation and the numbers that it leaves.

Source: Yao et al. 2023, section 4.1 and its code: one proposal call lists the next equations, a state is judged by
three calls whose last line is `sure`, `likely` or `impossible` (weights 20, 1, 0.001, summed), b = 5, T = 0.7; three
equations and then a step that writes the expression, four levels in all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from agents.thoughts.base import Defaults

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


PROPOSE = """\
The numbers left are given. Each next step joins two of them with + - * or / and leaves one number fewer. Write the
possible next steps, one a line, in this form and nothing else.

Numbers: 2 8 8 14
2 + 8 = 10 (left: 8 10 14)
8 / 2 = 4 (left: 4 8 14)
14 + 2 = 16 (left: 8 8 16)
2 * 8 = 16 (left: 8 14 16)
8 - 2 = 6 (left: 6 8 14)
14 - 8 = 6 (left: 2 6 8)
14 / 2 = 7 (left: 7 8 8)
14 - 2 = 12 (left: 8 8 12)

Numbers: {numbers}
"""
EXPRESS = """\
The steps below make 24 of the numbers {puzzle}. Write them as one expression, in one line of this form and nothing
else.

Numbers: 4 4 6 8
4 + 8 = 12 (left: 4 6 12)
6 - 4 = 2 (left: 2 12)
2 * 12 = 24 (left: 24)
Answer: (6 - 4) * (4 + 8) = 24

Numbers: {puzzle}
{steps}"""
JUDGE = """\
Judge whether the given numbers can make 24 with + - * and /, each used once. Try a few ways in short lines. The last
line is one word: sure, likely or impossible.

10 14
10 + 14 = 24
sure

11 12
11 + 12 = 23, 12 - 11 = 1, 11 * 12 = 132, none is 24
impossible

5 7 8
5 + 7 + 8 = 20, (8 - 5) * 7 = 21
no way found, but the numbers are of a fitting size
likely

10 10 11
10 + 10 + 11 = 31, (11 - 10) * 10 = 10, the numbers are too big
impossible

{numbers}
"""
JUDGE_ANSWER = """\
Judge whether the answer makes 24 and uses each number of the input exactly once and no other. The last line is one
word: sure if it does, else impossible.

Input: 4 4 6 8
Answer: (4 + 8) * (6 - 4) = 24
sure

Input: 2 9 10 12
Answer: 2 * 12 * (10 - 9) + 1 = 25
impossible

Input: {puzzle}
Answer: {answer}
"""
VOTE = """\
The numbers {puzzle} are to make 24, each used once. Which choice is most promising? Think, then end with a line
"The best choice is N".

{choices}
"""
