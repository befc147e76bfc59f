"""What an attempt at a run is expected to tell, by its recording: events are taken as they come and let go in the
recorded order.

Steps and calls side by side race, and the recording says how the race went. Within a step the order is the code's own,
and is held to; only where a step itself does several things at once may they come in another order. Clocks (`at`,
`seconds`), LangGraph's random ids and the numbers of model calls are read off the recording, all else is compared.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any

from agents.difference import Difference, difference
from agents.errors import NotIdentical
from agents.events import EVENT, ApprovalAsked, Checkpointed, End, Event, RunInterrupted, StepStarted

if TYPE_CHECKING:
    from agents.fact import Fact

CLOCKS = ("at", "seconds")


class Ids:
    """Ids of this replay and those that stand for them in the recording."""

    def __init__(self) -> None:
        self._recorded: dict[str, str] = {}
        self._known: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def same(self, ours: str, recorded: str) -> None:
        self._recorded.setdefault(ours, recorded)
        self._known[ours].set()

    def of(self, ours: str) -> str:
        """The recording's; an id that is not known stands for itself."""
        return self._recorded.get(ours, ours)

    def knows(self, ours: str) -> bool:
        return ours in self._recorded

    def meet(self, step: StepStarted, recording: Sequence[Event]) -> None:
        """A step begins: it is the first recorded one of its name, in the same outer step, that is not met yet."""
        met, within = set(self._recorded.values()), self.of(step.within)
        for known in recording:
            if (
                isinstance(known, StepStarted)
                and (known.node, known.within) == (step.node, within)
                and known.task_id not in met
            ):
                self.same(step.task_id, known.task_id)
                return

    async def known(self, ours: str) -> str:
        await self._known[ours].wait()
        return self._recorded[ours]

    def back(self, value: Any) -> Any:
        """JSON with the recording's ids, with ours instead."""
        ours = {theirs: mine for mine, theirs in self._recorded.items()}
        return _exchanged(value, ours)


class Expected:
    reused = False
    """Whether its answers count as given to another run before."""

    def __init__(self, events: Sequence[Event], ids: Ids, *, cut: bool, broken_off: bool) -> None:
        """`cut`: the attempt was ended from outside, so what its code does beyond the recording was never seen.
        `broken_off`: exchanges may have begun that the recording has nothing of."""
        self.events = events
        self.ids = ids
        self.cut = cut
        self.broken_off = broken_off
        self.released = 0
        """How many events have been let go."""
        self.beyond = 0
        """How many came that the recording no longer has."""
        self.at_once: set[str] = set()
        """Steps, by recorded id, that do several things at the same time."""
        self._lanes: dict[str, list[int]] = defaultdict(list)
        for place, event in enumerate(events):
            self._lanes[event.task_id].append(place)
        self._calls: defaultdict[str, dict[int, int]] = defaultdict(dict)
        """By step: numbers of its model calls, for which steps side by side may race, here and in the recording."""
        self._arrived: dict[int, tuple[Event, dict[str, Any]]] = {}
        self._turns: defaultdict[int, asyncio.Event] = defaultdict(asyncio.Event)

    async def turn(self, place: int, seconds: float | None = None) -> bool:
        """Wait until all events before this one have been let go; False if that takes longer."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                if self.released < place:
                    await self._turns[place].wait()
        return self.released >= place

    def unmet(self, task_id: str, before: int) -> list[int]:
        """The events of a step before `before` that have not come."""
        return [place for place in self._lanes[task_id] if place < before]

    def take(self, event: Event) -> list[tuple[Event, Event, dict[str, Any]]]:
        """Take an event of the replay; returns those that it lets go: as they are here, as in the recording, and here
        as JSON with the recording's ids and clock. Raises NotIdentical.
        """
        lane = self._lane(event)
        place = self._place(lane, event)
        if place is None:
            self.beyond += 1
            return []
        lane.remove(place)
        self._calls[event.task_id].setdefault(_number(event), _number(self.events[place]))
        self._arrived[place] = event, self._as_recorded(event, self.events[place])
        gone: list[tuple[Event, Event, dict[str, Any]]] = []
        while self.released in self._arrived:
            mine, told = self._arrived.pop(self.released)
            gone.append((mine, self.events[self.released], told))
            self.released += 1
            self._turns[self.released].set()
        return gone

    def lacking(self, replayed: Any = None) -> NotIdentical:
        """What is the matter when no more events come."""
        event = self.events[self.released]
        return NotIdentical(Difference(event.seq, event.run_id, "", _json(event), replayed))

    def _lane(self, event: Event) -> list[int]:
        if isinstance(event, StepStarted) and not self.ids.knows(event.task_id):
            self.ids.meet(event, self.events)
        return self._lanes[self.ids.of(event.task_id)]

    def _place(self, lane: list[int], event: Event) -> int | None:
        """Where in the recording the event is; None beyond it."""
        if not lane:
            if self.cut:
                return None
            seq = self.events[0].seq + self.released
            raise NotIdentical(Difference(seq, event.run_id, "", None, _json(event)))
        looked_at = lane if self.ids.of(event.task_id) in self.at_once else lane[:1]
        # Those of its own call first, without sorting a lane of thousands for each event.
        own = (place for place in looked_at if _number(self.events[place]) == _number(event))
        others = (place for place in looked_at if _number(self.events[place]) != _number(event))
        for place in chain(own, others):
            if self._as_recorded(event, self.events[place]) == _json(self.events[place]):
                return place
        if self.cut and self.due() and not isinstance(event, End):
            return None
        wanted = self.events[lane[0]]
        raise NotIdentical(difference(wanted.seq, wanted.run_id, _json(wanted), self._as_recorded(event, wanted)))

    def due(self) -> bool:
        """Whether nothing is left but an end that came from outside."""
        left = self.events[self.released :]
        return self.cut and all(isinstance(event, End) for event in left)

    def _as_recorded(self, event: Event, wanted: Event) -> dict[str, Any]:
        self._match(event, wanted)
        found, clock = _json(event), _json(wanted)
        found["seq"] = wanted.seq
        if _number(event):
            found["call"] = self._number_of(event, wanted)
        found |= {name: clock[name] for name in CLOCKS if name in found and name in clock}
        ids = {"task_id", "within", "checkpoint_id", "void", "id", "questions"} & found.keys()
        return found | {name: _exchanged(found[name], self.ids) for name in ids}

    def _number_of(self, event: Event, wanted: Event) -> int:
        """The recorded number of the model call: the one that it has already, or one that no other has."""
        known, ours, theirs = self._calls[event.task_id], _number(event), _number(wanted)
        return known.get(ours, ours if theirs in known.values() else theirs)

    def _match(self, event: Event, wanted: Event) -> None:
        """Ids that LangGraph makes up, at their first appearance."""
        pairs: Iterable[tuple[str, str]] = ()
        if isinstance(event, Checkpointed) and isinstance(wanted, Checkpointed):
            pairs = [(event.checkpoint_id, wanted.checkpoint_id)]
        elif isinstance(event, ApprovalAsked) and isinstance(wanted, ApprovalAsked):
            pairs = [(event.id, wanted.id)]
        elif isinstance(event, RunInterrupted) and isinstance(wanted, RunInterrupted):
            pairs = [(a.id, b.id) for a, b in zip(event.questions, wanted.questions, strict=False)]
        for ours, theirs in pairs:
            if not self.ids.knows(ours):
                self.ids.same(ours, theirs)


def _number(event: Event) -> int:
    """Of the model call that it belongs to; 0: of none."""
    number = getattr(event, "call", 0)
    return number if isinstance(number, int) else 0


def _json(event: Fact) -> dict[str, Any]:
    found: dict[str, Any] = EVENT.dump_python(event, mode="json")  # type: ignore[arg-type]
    return found


def _exchanged(value: Any, ids: Ids | Mapping[str, str]) -> Any:
    match value:
        case str():
            return ids.of(value) if isinstance(ids, Ids) else ids.get(value, value)
        case list():
            return [_exchanged(item, ids) for item in value]
        case dict():
            return {_exchanged(key, ids): _exchanged(item, ids) for key, item in value.items()}
        case _:
            return value
