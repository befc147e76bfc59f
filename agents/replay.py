"""A recorded run, run again from its cassette: the pipeline's own code, with every answer from outside taken off the
recording. No network, no model, no collection, no clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agents import catalog
from agents.errors import NotIdentical
from agents.expected import Ids
from agents.parts import parts
from agents.showing import Showing

if TYPE_CHECKING:
    from agents.cassette import Cassette
    from agents.events import Event

MOST_BEYOND = 8
"""How far an attempt may have gone on after its last stored event, before its process ended: in events."""


async def replay(cassette: Cassette) -> list[dict[str, Any]]:
    """Run it again; returns the events of the run itself as JSON objects, which are those recorded.

    Raises NotIdentical at the first event that is not, BadCassette, UnknownPipeline.
    """
    beyond: Counter[tuple[int, int]] = Counter()
    best: NotIdentical | None = None
    while True:
        player = Player(beyond)
        try:
            return await player.play(cassette)
        except NotIdentical as error:
            if best is None or error.difference.seq > best.difference.seq:
                best = error
            run, part = player.at
            # A process may end after a step is stored and before the trace has it. Then the next attempt shows where.
            if not player.resumed or beyond[run, part - 1] >= MOST_BEYOND:
                raise best from None
            beyond[run, part - 1] += 1


@dataclass
class Player:
    beyond: Mapping[tuple[int, int], int]
    """How many events more to wait for where an attempt broke off: by run and part."""
    ids: Ids = field(default_factory=Ids)
    at: tuple[int, int] = (0, 0)
    resumed: bool = False
    """Whether it is in an attempt after one that broke off."""

    async def play(self, cassette: Cassette) -> list[dict[str, Any]]:
        from langgraph.checkpoint.memory import InMemorySaver

        from agents.memory.steps import remembering
        from agents.persona_limits import guarded

        saver, told = InMemorySaver(), list[dict[str, Any]]()
        ours: list[Event] = []
        for number, recording in enumerate((*cassette.before, cassette.run)):
            pipeline = guarded(catalog.get(recording.pipeline), recording.input.persona)
            pipeline = remembering(pipeline, recording.input.memory)
            graph = pipeline.graph.compile(checkpointer=saver, name=pipeline.name)
            show = Showing(recording, pipeline, graph, self.ids, before=ours)
            for place, part in enumerate(parts(recording)):
                self.at, self.resumed = (number, place), part.resumes
                await show.part(part, self.beyond[number, place])
            told, ours = show.told, [*ours, *show.ours]
        return told
