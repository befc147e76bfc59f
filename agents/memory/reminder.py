"""What is remembered, on its way into the prompts of a run."""

from __future__ import annotations

from agents.memory.record import Record
from backends.base import Source, Value


class Reminder(Value):
    text: str = ""
    """For the system message, fenced as data."""
    summary: str = ""
    """Of older turns."""
    records: tuple[Record, ...] = ()
    """That were recalled, best first."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """The same piece by piece, for a backend that only quotes."""
        texts = (*self.summary.splitlines(), *(record.text for record in self.records))
        return tuple(Source(id=str(n), title="memory", text=text) for n, text in enumerate(texts, start=1))
