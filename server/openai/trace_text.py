"""Events as the thoughts of a reasoning model: what `reasoning_content` shows while an answer is being made."""

from __future__ import annotations

from agents.events import Event, Retrieved, Thought, Token, Warned


def reasoning_of(event: Event) -> str:
    """The event as a line of thought; "" for events that are no part of it."""
    match event:
        case Token(channel="reasoning"):
            return event.text
        case Thought():
            return f"{event.text}\n"
        case Retrieved():
            names = ", ".join(dict.fromkeys(hit.filename for hit in event.hits)) or "nothing"
            return f"Searched for {event.query!r}: {len(event.hits)} passages from {names}.\n"
        case Warned():
            return f"Note: {event.message}\n"
        case _:
            return ""
