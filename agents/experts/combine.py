"""One answer from those of several experts, for each question of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from pydantic import BaseModel, ConfigDict

from agents.answer_text import normalised
from agents.citation import Citation
from backends.base import FinishReason


class Output(BaseModel):
    """What an expert said to a question."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: int
    expert: str
    weight: float
    answer: str
    citations: tuple[Citation, ...]
    finish: FinishReason
    model_calls: int
    tool_calls: int


def combined(outputs: Sequence[Output], *, every: bool) -> tuple[str, list[Citation]]:
    """`every`: all answers of a question, heaviest first, instead of the one that won.

    Several questions are answered in a numbered list. The places of citations count the whole text.
    """
    in_order = sorted(outputs, key=lambda output: output.input)
    batch = [list(said) for _, said in groupby(in_order, key=lambda output: output.input)]
    text, citations = "", list[Citation]()
    for number, said in enumerate(batch, start=1):
        if len(batch) > 1:
            text += f"{chr(10) * 2 if number > 1 else ''}{number}. "
        for place, output in enumerate(by_weight(said) if every else [winner(said)]):
            if every and len(said) > 1:
                text += f"{chr(10) * 2 if place else ''}{output.expert} ({output.weight:.2f}): "
            citations += [c.model_copy(update={"index": c.index + len(text)}) for c in output.citations]
            text += output.answer
    return text, citations


def winner(said: Sequence[Output]) -> Output:
    """The heaviest output that gives the answer with the highest sum of weights; of equals the first."""
    sums: dict[str, float] = {}
    for output in said:
        answer = normalised(output.answer)
        sums[answer] = sums.get(answer, 0.0) + output.weight
    best = max(sums, key=lambda answer: sums[answer])
    return max((output for output in said if normalised(output.answer) == best), key=lambda output: output.weight)


def by_weight(said: Sequence[Output]) -> list[Output]:
    return sorted(said, key=lambda output: -output.weight)
