"""Answers of a recorded run for the beginning of another: in no order but that of the code, and as they are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from agents.events import Event, Retrieved, StepStarted
from agents.failures import SearchFailed

if TYPE_CHECKING:
    from agents.expected import Ids


class TakenOver:
    """In the place of `agents.expected.Expected`."""

    reused = True
    broken_off = False

    def __init__(self, events: Sequence[Event], ids: Ids) -> None:
        self.events = events
        self.ids = ids
        self.at_once: set[str] = set()
        self.released = 0

    async def turn(self, _place: int, _seconds: float | None = None) -> bool:
        return True

    def unmet(self, task_id: str, before: int) -> list[int]:
        """The searches of a step before `before`: a tool may have made them."""
        return [
            place
            for place, event in enumerate(self.events[:before])
            if event.task_id == task_id and isinstance(event, Retrieved | SearchFailed)
        ]

    def take(self, event: Event) -> None:
        if isinstance(event, StepStarted) and not self.ids.knows(event.task_id):
            self.ids.meet(event, self.events)
