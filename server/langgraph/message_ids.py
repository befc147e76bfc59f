"""Ids of messages: threads keep messages without, and LangGraph's clients know them by theirs.

An answer is named by its run, so that its pieces have the name while it is written. Every other message is named by
what it says and what was said before it, unless a client gave it an id of its own, which its run's request keeps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import NAMESPACE_OID, uuid5

from sqlalchemy import select

from server.storage.tables import run

if TYPE_CHECKING:
    from backends.base import Message
    from server.services import Services


class Named(NamedTuple):
    id: str
    """Empty: the client gave it none."""
    message: Message


@dataclass(frozen=True)
class Names:
    """What the runs of a thread say of the ids of its messages."""

    answers: Sequence[tuple[str, str, str]] = ()
    """Question, answer and run, in the order in which they came."""
    given: Mapping[str, str] = field(default_factory=dict)
    """The clients' own, by what would be the message's id without."""

    def history(self, messages: Sequence[Message]) -> list[Named]:
        """The messages before a question, with their ids."""
        named: list[Named] = []
        left = 0
        for id, message in chain(messages):
            own = self.given.get(id, id)
            before = named[-1].message.content if named else ""
            for place, (question, answer, run_id) in enumerate(self.answers[left:], start=left + 1):
                if message.role == "assistant" and (question, answer) == (before, message.content):
                    own, left = answer_id(run_id), place
                    break
            named.append(Named(own, message))
        return named

    def all(self, values: Mapping[str, Any], run_id: str) -> list[Named]:
        """All messages of a state, the question that is being answered included. `run_id`: whose state it is."""
        from backends.base import Message

        history = list(values.get("history") or ())
        named = self.history(history)
        if not values.get("question"):
            return named
        asked = Message(role="user", content=values["question"])
        *_, (id, _) = chain([*history, asked])
        named.append(Named(self.given.get(id, id), asked))
        if values.get("answer"):
            named.append(Named(answer_id(run_id), Message(role="assistant", content=values["answer"])))
        return named


def answer_id(run_id: str) -> str:
    return str(uuid5(NAMESPACE_OID, f"{run_id}/answer"))


def chain(messages: Sequence[Message]) -> Iterator[tuple[str, Message]]:
    """Each message with the id that follows from it and those before it."""
    id = ""
    for message in messages:
        id = str(uuid5(NAMESPACE_OID, f"{id}\0{message.role}\0{message.content}"))
        yield id, message


async def names_of(services: Services, thread_id: str) -> Names:
    given = run.c.order[("request", "message_ids")].as_json()
    query = select(run.c.id, run.c.input["question"].as_string(), run.c.answer, given).where(
        run.c.thread_id == thread_id
    )
    rows = await services.database.read(lambda db: db.execute(query.order_by(run.c.created_at, run.c.id)).all())
    return Names(
        answers=[(question, answer, id) for id, question, answer, _ in rows if answer],
        given={id: own for *_, ids in rows for id, own in (ids or {}).items()},
    )
