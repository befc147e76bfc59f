"""How important memories are, as the model says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agents.memory.prompts import RATE, Ratings, numbered
from agents.memory.record import USUAL
from agents.structured import ask_json
from backends.base import Message
from backends.errors import BadStructuredOutput

if TYPE_CHECKING:
    from agents.run import Run

AT_ONCE = 20
"""Memories in one call: the paper asks for each, which costs as many calls."""


async def ratings(run: Run, name: str, texts: Sequence[str]) -> list[float]:
    """One for each text, 1 to 10; USUAL, with a warning, where the model's cannot be read."""
    if texts and run.deps.backend.name == "extractive":
        run.warn("importance", f"'extractive' has no model to judge importance: {USUAL:g} for each memory")
        return [USUAL] * len(texts)
    return [rating for first in range(0, len(texts), AT_ONCE) for rating in await _asked(run, name, texts, first)]


async def _asked(run: Run, name: str, texts: Sequence[str], first: int) -> list[float]:
    some = list(texts[first : first + AT_ONCE])
    prompt = RATE.format(name=name, memories=numbered(some))
    message = Message(role="user", content=prompt)
    about = {"stage": "importance", "first": str(first)}
    try:
        found = await ask_json(run, message, fits=Ratings, question=prompt, subject=about, temperature=0.0)
    except BadStructuredOutput as error:
        run.warn("importance", f"the model's ratings cannot be read, {USUAL:g} for each: {error}")
        return [USUAL] * len(some)
    if len(found.ratings) != len(some):
        message_ = f"the model rated {len(found.ratings)} of {len(some)} memories; what is missing has {USUAL:g}"
        run.warn("importance", message_)
    given = [float(rating) for rating in found.ratings[: len(some)]]
    return given + [USUAL] * (len(some) - len(given))
