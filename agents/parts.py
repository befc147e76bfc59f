"""A recording in parts: attempts of the pipeline's code, and what the service wrote into the trace itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from agents.events import (
    End,
    Event,
    RunCancelled,
    RunFailed,
    RunFinished,
    RunInterrupted,
    RunLimited,
    RunResumed,
    RunStarted,
)
from agents.origins import Forked
from agents.past import read_past

if TYPE_CHECKING:
    from agents.cassette import Recording
    from agents.spending import Limits

Ending = Literal["code", "stop", "time", "gone"]
"""By itself; cancelled; out of seconds; its reader or its process was gone."""


@dataclass(frozen=True)
class Part:
    events: tuple[Event, ...]
    authored: tuple[Event, ...]
    """Of the service, after those."""
    end: Ending
    resumes: bool
    """Whether an attempt broke off before it."""
    given: RunStarted | Forked | None
    """What it was given from outside: the run's first event, or the one by which it became its own."""
    options: Mapping[str, Any]
    limits: Limits
    generation: str | None

    @property
    def cut(self) -> bool:
        return self.end != "code"

    @property
    def broken_off(self) -> bool:
        """Whether exchanges may have begun that the recording has nothing of."""
        return self.cut or not isinstance(self.events[-1], RunFinished | RunInterrupted)


def parts(recording: Recording) -> list[Part]:
    found: list[Part] = []
    of = recording.origin or recording
    given: RunStarted | Forked | None = recording.started
    left: list[Event] = []

    def part(authored: tuple[Event, ...], end: Ending) -> Part:
        return Part(tuple(left), authored, end, bool(found), given, of.options, of.limits, of.generation)

    for event in recording.events:
        if isinstance(event, Forked):
            found.append(part((event,), "gone"))
            of, given, left = recording, event, []
        elif isinstance(event, RunResumed) and left:
            found.append(part((), "gone"))
            left = [event]
        else:
            left.append(event)
    end = _end_of(left, durable=recording.durable)
    authored = tuple(left[-1:]) if end == "gone" else ()
    left = left[: len(left) - len(authored)]
    return [*found, part(authored, end)]


def _end_of(events: Sequence[Event], *, durable: bool) -> Ending:
    match events[-1]:
        case RunLimited(limit="seconds"):
            return "time"
        case RunCancelled() as end:
            return "stop" if durable and not _written_later(events[:-1], end) else "gone"
        case RunFailed(error_type=kind, message=message):
            gone = kind in OF_THE_SERVICE or message.startswith(CANNOT_GO_ON)
            return "gone" if gone else "code"
        case _:
            return "code"


def _written_later(before: Sequence[Event], end: End) -> bool:
    """Whether the end was made of the trace, for a run that nobody walked any more: then the two agree to the digit."""
    return not before or read_past(before, (), {}).spent.seconds == end.seconds


OF_THE_SERVICE = frozenset({"Interrupted", "GivenUp", "NotStored"})
CANNOT_GO_ON = "the run cannot go on: "
