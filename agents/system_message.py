"""One system message, first: several, or a later one, are refused by the chat templates of some models."""

from __future__ import annotations

from collections.abc import Sequence

from agents.persona import Persona, card
from backends.base import Message


def with_system(clients: str, messages: Sequence[Message], persona: Persona | None = None) -> tuple[Message, ...]:
    """The messages with all that is said to the system in the first: the client's own, who the model is to be, then the
    pipeline's."""
    text = joined(clients, card(persona), *(m.content for m in messages if m.role == "system"))
    rest = tuple(m for m in messages if m.role != "system")
    return (Message(role="system", content=text), *rest) if text else rest


def joined(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)
