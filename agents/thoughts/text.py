"""Any question: a plan as the first thought, the answer after it as the second, both chosen by vote.

Source: Yao et al. 2023, section 4.2 (creative writing): five plans, five votes, five passages, five votes,
b = 1, T = 0.7.
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.thoughts.base import Defaults

SEAM = "\n\n---\n\n"
"""Between the plan and the answer."""


class TextThoughts:
    name = "text"
    defaults = Defaults(generate="sample", evaluate="vote", depth=2, breadth=1, samples=5, evaluations=5)

    def lacks(self, question: str) -> str:
        return ""

    def same(self, state: str) -> str:
        return state

    def proposal(self, question: str, state: str) -> str:
        return (ANSWER if state else PLAN).format(question=question, plan=state)

    def states(self, question: str, state: str, replies: Sequence[str]) -> list[str]:
        texts = [reply.strip() for reply in replies if reply.strip()]
        return [f"{state}{SEAM}{text}" if state else text for text in texts]

    def judgements(self, question: str, state: str) -> list[str]:
        return [JUDGE.format(question=question, state=state)]

    def value(self, question: str, state: str, replies: Sequence[str]) -> float:
        """The mean of the marks from 1 to 10 that end the replies."""
        marks = [float(word) for reply in replies if (word := reply.rpartition(" ")[2].strip(".")).isdigit()]
        return sum(min(mark, 10.0) for mark in marks) / len(marks) if marks else 0.0

    def ballot(self, question: str, states: Sequence[str]) -> str:
        listed = "\n\n".join(f"Choice {n}:\n{state.strip()}" for n, state in enumerate(states, start=1))
        return VOTE.format(question=question, choices=listed)

    def answer(self, question: str, state: str) -> str:
        return state.rpartition(SEAM)[2]


PLAN = "Make a short plan of how to answer this, in the language of the question, and nothing else.\n\n{question}"
ANSWER = (
    "Answer this by the plan below, in the language of the question. Write the answer alone.\n\n{question}\n\n"
    "Plan:\n{plan}"
)
JUDGE = (
    "How good is the text below as a way to answer the question? Think, then end with a line `Mark: N`, N from 1 to "
    "10.\n\nQuestion: {question}\n\n{state}"
)
VOTE = (
    "Which of these choices answers the question best? Compare them, then end with a line `The best choice is N`.\n\n"
    "Question: {question}\n\n{choices}"
)
