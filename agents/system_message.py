"""One system message, first: several, or a later one, are refused by the chat templates of some models."""

from __future__ import annotations

from collections.abc import Sequence

from agents.memory.reminder import Reminder
from agents.persona import Persona, card
from backends.base import Message


def with_system(
    clients: str, messages: Sequence[Message], persona: Persona | None = None, reminder: Reminder | None = None
) -> tuple[Message, ...]:
    """The messages with all that is said to the system in the first: the client's own, who the model is to be, what is
    remembered, then the pipeline's."""
    remembered = reminder.text if reminder is not None else ""
    text = joined(clients, card(persona), remembered, *(m.content for m in messages if m.role == "system"))
    rest = tuple(m for m in messages if m.role != "system")
    return (Message(role="system", content=text), *rest) if text else rest


def joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)
