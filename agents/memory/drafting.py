"""Facts from what a user said: by the model as JSON; without one, the statements themselves, sentence by sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from agents.memory.prompts import FACTS, Reply
from agents.memory.quiet import quiet, writes
from agents.memory.quotes import statements
from agents.memory.record import Draft
from agents.memory.short import PLAINLY
from agents.structured import ask_json
from backends.base import Message
from backends.errors import BadStructuredOutput

if TYPE_CHECKING:
    from datetime import datetime

    from agents.memory.record import Record
    from agents.run import Run

MOST = 20
"""Facts of one message."""
LONGEST = 1_000
"""Characters of one."""
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
            return await _asked(run, message, answer, known)
        except BadStructuredOutput as error:
            run.warn("memory_facts", f"the user's statements are kept as they are, the model gave no facts: {error}")
    return stated(message, run.began)


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
    said = [" ".join(one.split())[:LONGEST] for one in statements(message)]
    return [
        Draft(text=one, subject=subject_of(one), created_at=at)
        for one in said
        if len(one.split()) >= LEAST or (not one.isascii() and len(one) > LEAST)
    ][:MOST]


_SUBJECTS = (
    re.compile(r"^(?:and |but |now |also,? )?(?P<of>my [\w' -]{1,60}?) (?:is|are|was|were|has changed to)\b", re.I),
    re.compile(r"^(?:and |but |now |also,? )?i(?:'m| am) (?P<of>called|living|working|studying|married)\b", re.I),
    re.compile(r"^(?:and |but |now |also,? )?i (?:now |currently |just )?(?P<of>live|work|study|moved)\b", re.I),
    re.compile(r"^(?:现在|其实)?(?P<of>我的[^，。,.是叫]{1,20})(?:是|叫|为|改成)"),
    re.compile(r"^我?(?:现在|其实|已经)?(?:我)?(?P<of>住在|搬到|搬去|叫|姓)"),
)  # fmt: skip
_SAME = {"living": "live", "moved": "live", "working": "work", "studying": "study", "搬到": "住在", "搬去": "住在"}


def subject_of(statement: str) -> str:
    """What a statement about the user is about, by its first words: `my dog's name`, `i live`; else empty.

    `I moved to ...` is about where one lives. Without a model this is all that tells that one fact replaces another.
    """
    for pattern in _SUBJECTS:
        if (found := pattern.match(statement)) is not None:
            what = found["of"].casefold()
            what = _SAME.get(what, what)
            return what if what.startswith(("my ", "我的")) else f"user: {what}"
    return ""
