"""The backends and collections of a recorded run's experts, with its tape in their place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import TYPE_CHECKING

from agents.events import Event
from agents.experts.expert import Equipment
from agents.experts.facts import Delegated
from backends.errors import CapabilityMissing
from backends.lifetime import closing

if TYPE_CHECKING:
    from agents.spending import Price
    from agents.tape import Tape
    from backends.base import Capabilities, Delta, Request


class Voice:
    """Another backend on the same tape."""

    def __init__(self, tape: Tape, name: str, capabilities: Capabilities) -> None:
        self.name = name
        self.capabilities = capabilities
        self._tape = tape

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        try:
            async with closing(self._tape.stream(request)) as deltas:
                async for delta in deltas:
                    yield delta
        except CapabilityMissing as error:
            if error.code in type(self.capabilities).model_fields:
                self.capabilities = self.capabilities.model_copy(update={error.code: False})
            raise


def equipment_of(events: Iterable[Event], tape: Tape) -> Mapping[str, Equipment]:
    """By expert, as it was when it began first."""
    voices: dict[str, Tape | Voice] = {tape.name: tape}
    found: dict[str, Equipment] = {}
    for event in events:
        if isinstance(event, Delegated) and event.expert not in found:
            voice = voices.setdefault(event.backend, Voice(tape, event.backend, event.capabilities))
            retriever = tape if event.collection is not None else None
            found[event.expert] = Equipment(voice, retriever, event.collection, event.generation)
    return found


def prices_of(events: Iterable[Event]) -> dict[str, Price]:
    """Of the experts' backends."""
    return {event.backend: event.price for event in events if isinstance(event, Delegated) and event.price is not None}
