"""Facts from what a user said: by the model as JSON; without one, the statements themselves, sentence by sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from agents.memory.prompts import FACTS, Reply
from agents.memory.quiet import quiet, writes
from agents.memory.quotes import statements
from agents.memory.record import Draft
from agents.memory.short import PLAINLY
from agents.memory.subjects import subject_of
from agents.structured import ask_json
from backends.base import Message
from backends.errors import BadStructuredOutput

if TYPE_CHECKING:
    from datetime import datetime

    from agents.memory.record import Record
    from agents.run import Run

MOST = 50
"""Facts of one message that the model is asked for."""
MOST_STATED = 500
"""Statements of one message that are kept without a model: what is pasted into it is a document, for a collection."""
LONGEST = 1_000
"""Characters of a fact that the model gives; a statement has at most those of a sentence (`retrieval.sentences`)."""
LEAST = 2
"""Words of a statement, or characters of a script without blanks: `Thanks.` is no fact."""


class Fact(Reply):
    text: Annotated[str, Field(min_length=1, max_length=LONGEST)]
    subject: Annotated[str, Field(max_length=200)] = ""
    importance: Annotated[int, Field(ge=1, le=10)] = 5
    replaces: list[int] = Field(default_factory=list)


class Facts(Reply):
    facts: list[Fact] = Field(max_length=MOST)


async def facts(run: Run, message: str, answer: str, known: Sequence[Record]) -> list[Draft]:
    """What is worth keeping. `known`: what was recalled for the message, whose numbers the model may name."""
    if writes(run):
        try:
            found = await _asked(run, message, answer, known)
        except BadStructuredOutput as error:
            run.warn("memory_facts", f"the user's statements are kept as they are, the model gave no facts: {error}")
        else:
            if len(found) == MOST:
                run.warn("memory_facts", f"{MOST} facts of the message are kept, as many as one may have")
            return found
    said = stated(message, run.began)
    if len(said) > MOST_STATED:
        most = f"the first {MOST_STATED} statements of the message are kept, and {len(said) - MOST_STATED} are not"
        run.warn("memory_facts", f"{most}: send the rest in messages of their own, or keep the text in a collection")
    return said[:MOST_STATED]


async def _asked(run: Run, message: str, answer: str, known: Sequence[Record]) -> list[Draft]:
    listed = "\n".join(f"{one.id}. [{one.subject}] {' '.join(one.text.split())}" for one in known)
    prompt = FACTS.format(
        date=f"{run.began:%A, %Y-%m-%d}", known=listed or "-", message=message, answer=answer[:LONGEST], most=MOST
    )
    asked: dict[str, Any] = {"question": prompt, "subject": {"stage": "facts"}, **PLAINLY}
    found = await ask_json(quiet(run), Message(role="user", content=prompt), fits=Facts, **asked)
    shown = {one.id for one in known}
    return [
        Draft(
            text=fact.text,
            subject=fact.subject,
            importance=fact.importance,
            created_at=run.began,
            replaces=tuple(id for id in fact.replaces if id in shown),
        )
        for fact in found.facts
    ]


def stated(message: str, at: datetime) -> list[Draft]:
    """The statements of a message as facts, word for word."""
    said = (" ".join(one.split()) for one in statements(message))
    return [
        Draft(text=one, subject=subject_of(one), created_at=at)
        for one in said
        if len(one.split()) >= LEAST or (not one.isascii() and len(one) > LEAST)
    ]
