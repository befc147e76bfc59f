"""One recorded run on its way through a replay, part by part."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agents.errors import BadCassette
from agents.events import Checkpointed
from agents.expected import Expected, Ids
from agents.origins import ThreadRead
from agents.past import Past, read_past
from agents.recorded_deps import recorded_deps
from agents.stream import stream
from agents.tape import Tape
from agents.thread import Place, command_of, keep_history

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from agents.cassette import Recording
    from agents.events import Event, RunStarted
    from agents.origins import Forked
    from agents.parts import Part
    from agents.pipeline import Pipeline
    from agents.run import Deps
    from agents.thread import Graph

STUCK_SECONDS = 30.0
"""Without any event: code that waits for what the recording does not have. Nothing in a replay waits for the world."""
BEYOND_SECONDS = 4.0
"""As long for what an attempt did beyond its recording: milliseconds, but on a busy machine."""


@dataclass
class Showing:
    recording: Recording
    pipeline: Pipeline
    graph: Graph
    ids: Ids
    before: Sequence[Event]
    """Of the runs whose questions this one answers."""
    ours: list[Event] = field(default_factory=list)
    """The events with this replay's own ids, which its steps know."""
    told: list[dict[str, Any]] = field(default_factory=list)
    """As JSON, with the recorded ids."""

    async def part(self, part: Part, beyond: int) -> None:
        """Play it; of one that broke off, wait for so many events beyond the recording. Raises NotIdentical."""
        if part.events and part.given is not None:
            await self._attempt(part, part.given, beyond)
        self.ours += part.authored
        self.told += [event.model_dump(mode="json") for event in part.authored]

    async def _attempt(self, part: Part, given: RunStarted | Forked, beyond: int) -> None:
        expected = Expected(part.events, self.ids, cut=part.cut, broken_off=part.broken_off)
        tape = Tape(expected, given.backend, given.capabilities)
        clock, stop = Clock(), asyncio.Event()
        every = (*self.before, *self.recording.events)
        deps = recorded_deps(self.pipeline, self.recording, part, every, tape, clock)
        past, place = self._past(deps), await self._place(first=not self.ours)
        run_id, input = self.recording.run_id, self.recording.input
        told = stream(self.pipeline, input, deps, run_id=run_id, place=place, past=past, stop=stop)
        async with aclosing(told) as events:
            while not (expected.due() and part.end == "gone" and expected.beyond >= beyond):
                if expected.due() and part.end == "stop":
                    stop.set()
                if expected.due() and part.end == "time":
                    clock.ring()
                event = await self._next(events, expected, gone=expected.due() and part.end == "gone")
                if tape.failed is not None:
                    raise tape.failed
                if event is None:
                    break
                for mine, recorded, as_json in expected.take(event):
                    clocks = {name: getattr(recorded, name) for name in CLOCKS if hasattr(recorded, name)}
                    self.ours.append(mine.model_copy(update=clocks))
                    self.told.append(as_json)
        if expected.released < len(part.events):
            raise expected.lacking()

    async def _next(self, events: AsyncIterator[Event], expected: Expected, *, gone: bool) -> Event | None:
        try:
            async with asyncio.timeout(BEYOND_SECONDS if gone else STUCK_SECONDS):
                return await anext(events, None)
        except TimeoutError:
            if gone:
                return None
            raise expected.lacking() from None

    def _past(self, deps: Deps) -> Past:
        if not self.ours and not self.before:
            return Past(began=self.recording.events[0].at)
        past = read_past(self.ours, self.before, deps.prices)
        return past if self.ours else Past(began=self.recording.events[0].at, journal=past.journal)

    async def _place(self, *, first: bool) -> Place:
        thread, start = self.recording.thread_id, self.recording.start
        if first and not self.before:
            if start.get("command") or start.get("continues") or start.get("checkpoint_id"):
                raise BadCassette(
                    f"run {self.recording.run_id} began in the middle of its thread, and the cassette does not have "
                    "what stands before"
                )
            await self._turn_to(thread)
        command = start.get("command")
        return Place(
            graph=self.graph,
            thread_id=thread,
            checkpoint_id=self.ids.back(start.get("checkpoint_id")),
            durability="sync" if self.recording.durable else "exit",
            command=command_of(self.ids.back(command), self.pipeline) if command is not None else None,
            continues=start.get("continues", False),
            interrupt_before=tuple(start.get("interrupt_before", ())),
            interrupt_after=tuple(start.get("interrupt_after", ())),
        )

    async def _turn_to(self, thread: str) -> None:
        """Let the thread have the turns that it had, and as many steps."""
        events = self.recording.events
        read = next((event for event in events if isinstance(event, ThreadRead)), None)
        steps = next((event.step for event in events if isinstance(event, Checkpointed)), -1)
        if read is not None or steps > -1:
            await keep_history(self.graph, thread, list(read.messages) if read else [], steps - 2)


CLOCKS = ("seq", "at", "seconds")


class Clock:
    """A timer that goes off when it did in the recording."""

    def __init__(self) -> None:
        self._timer: asyncio.Timeout | None = None
        self._rung = False

    def __call__(self, _left: float | None) -> asyncio.Timeout:
        self._timer = asyncio.timeout(0 if self._rung else None)
        return self._timer

    def ring(self) -> None:
        self._rung = True
        if self._timer is not None:
            with suppress(RuntimeError):  # It has not begun, or is over.
                self._timer.reschedule(asyncio.get_running_loop().time())
