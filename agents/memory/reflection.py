"""What follows from what was lived through: questions, what is remembered to each, insights with their grounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from agents.memory.prompts import ASK, INFER, Insight, Insights, Questions, numbered
from agents.structured import ask_json
from backends.base import Message

if TYPE_CHECKING:
    from agents.run import Run


class Grounded(NamedTuple):
    text: str
    because_of: tuple[int, ...]
    """Places in the list that the model was shown, from 0."""


async def salient(run: Run, name: str, texts: Sequence[str], most: int) -> list[str]:
    """Raises BadStructuredOutput."""
    prompt = ASK.format(name=name, most=most, memories=numbered(texts))
    asked = await ask_json(
        run, Message(role="user", content=prompt), fits=Questions, question=prompt, subject={"stage": "questions"}
    )
    return asked.questions[:most]


async def insights(run: Run, name: str, question: str, texts: Sequence[str], most: int) -> list[Grounded]:
    """Those that rest on something. Raises BadStructuredOutput."""
    prompt = INFER.format(name=name, question=question, most=most, memories=numbered(texts))
    found = await ask_json(
        run, Message(role="user", content=prompt), fits=Insights, question=question, subject={"stage": "insights"}
    )
    grounded = [(one, valid(one, len(texts))) for one in found.insights[:most]]
    for one, good in grounded:
        if wrong := sorted(set(one.because_of) - {place + 1 for place in good}):
            run.warn("citation", f"the insight {one.insight!r} names {wrong}, of {len(texts)} statements: dropped")
        if not good:
            run.warn("ungrounded", f"the insight {one.insight!r} rests on no statement that it was shown: dropped")
    return [Grounded(one.insight, good) for one, good in grounded if good]


def valid(insight: Insight, shown: int) -> tuple[int, ...]:
    """The places that it cites and that were shown, from 0, each once, in the order cited."""
    return tuple(dict.fromkeys(number - 1 for number in insight.because_of if 1 <= number <= shown))
