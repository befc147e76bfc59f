"""The beginning of a recorded run as that of a new one: its first steps, with the recorded answers.

The pipeline's own code runs, on the new run's thread, so that what stands there at the end is what the recorded run
had. Nothing outside is asked.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from agents.errors import BadCassette
from agents.events import End, Event, RunFailed, RunResumed, Token
from agents.expected import Ids
from agents.origins import ThreadRead
from agents.parts import parts
from agents.past import Past, read_past
from agents.recorded_deps import recorded_deps
from agents.rounds import rounds
from agents.stream import stream
from agents.taken_over import TakenOver
from agents.tape import Tape
from agents.thread import Place, keep_history

if TYPE_CHECKING:
    from agents.cassette import Cassette, Recording
    from agents.pipeline import Pipeline
    from agents.thread import Graph


def forkable(cassette: Cassette, from_step: int) -> Recording:
    """Raises BadCassette if the run cannot be forked there."""
    recording = cassette.run
    start = recording.start
    if cassette.before or start.get("command") or start.get("continues") or start.get("checkpoint_id"):
        raise BadCassette(
            f"run {recording.run_id} goes on from another run on its thread: fork the run that began the turn"
        )
    steps = rounds(recording.events)
    if not 1 <= from_step <= max(1, len(steps)):
        there = ", ".join(f"{step.number} ({', '.join(step.nodes)})" for step in steps) or "none"
        raise BadCassette(f"run {recording.run_id} has no step {from_step}; it has {there}")
    return recording


async def begin_again(
    recording: Recording, from_step: int, *, pipeline: Pipeline, graph: Graph, run_id: str, thread_id: str
) -> list[Event]:
    """Run the steps before `from_step` on a new thread, which then stands there; returns what they told, numbered.

    Raises NotIdentical if the code now asks for something else, BadCassette.
    """
    read = next((event for event in recording.events if isinstance(event, ThreadRead)), None)
    if read is not None:
        await keep_history(graph, thread_id, list(read.messages), 0)
    place = Place(graph=graph, thread_id=thread_id, interrupt_after=tuple(pipeline.graph.nodes))
    part = parts(recording)[0]
    if part.given is None or recording.origin is not None:
        raise BadCassette(f"run {recording.run_id} is a fork itself, or never began: fork the run that it came from")
    known = TakenOver(recording.events, Ids())
    tape = Tape(known, part.given.backend, part.given.capabilities)
    deps = recorded_deps(pipeline, recording, part, recording.events, tape, lambda _: asyncio.timeout(None))
    told: list[Event] = []
    for _ in range(from_step - 1):
        past = read_past(told, (), deps.prices) if told else Past()
        about = stream(pipeline, recording.input, deps, run_id=run_id, place=place, past=past)
        async with aclosing(about) as events:
            async for event in events:
                known.take(event)
                if isinstance(event, RunFailed):
                    raise tape.failed or BadCassette(f"a step before {from_step} now fails: {event.message}")
                if not _of_a_stop(event):
                    told.append(event.model_copy(update={"seq": len(told) + 1}))
        if tape.failed is not None:
            raise tape.failed
    return told


def _of_a_stop(event: Event) -> bool:
    """What tells of a stop between two steps, as if it were the run's end or a new beginning."""
    return isinstance(event, End | RunResumed) or (isinstance(event, Token) and not event.node)
