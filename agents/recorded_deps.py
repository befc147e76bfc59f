"""What a recorded run was given, with a tape in the place of the world."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pydantic import ValidationError

from agents.errors import BadCassette
from agents.events import Event, Retrieved
from agents.failures import SearchFailed
from agents.recorded_experts import equipment_of, prices_of
from agents.run import Deps
from agents.stand_ins import stand_ins

if TYPE_CHECKING:
    from agents.cassette import Recording
    from agents.parts import Part
    from agents.pipeline import Options, Pipeline
    from agents.tape import Tape


def recorded_deps(
    pipeline: Pipeline,
    recording: Recording,
    part: Part,
    every: Sequence[Event],
    tape: Tape,
    timer: Callable[[float | None], asyncio.Timeout],
) -> Deps:
    """`every`: the events of this run and of those before it, which show what it could reach. Raises BadCassette."""
    given, started = part.given, recording.started
    assert given is not None, "a part with an attempt has its beginning"
    collection = started.collection if started is not None else None
    searches = collection is not None or any(isinstance(event, Retrieved | SearchFailed) for event in every)
    return Deps(
        backend=tape,
        retriever=tape if searches else None,
        options=_options(pipeline, part),
        sampling=recording.sampling,
        limits=part.limits,
        prices=prices_of(every) | ({given.backend: given.price} if given.price is not None else {}),
        equipment=equipment_of(every, tape),
        tools=stand_ins(every),
        collection=collection,
        generation=part.generation,
        answers=tape.call,
        turn=tape.wait_for,
        timer=timer,
    )


def _options(pipeline: Pipeline, part: Part) -> Options:
    try:
        return pipeline.options.model_validate(part.options)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        message = f"{pipeline.name!r} does not take the recorded option {place!r} any more: {first['msg']}"
        raise BadCassette(f"the pipeline {message}") from None
