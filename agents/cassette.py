"""A cassette: one JSON document that holds all that a run was given from outside, and all that happened in it.

It has no keys and needs no service: a replay works from the document alone.
"""

from __future__ import annotations

import json
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from agents.errors import BadCassette
from agents.events import TERMINAL, Event, RunStarted
from agents.run import RunInput, Sampling
from agents.spending import Limits

FORMAT: Final = "sandtable.cassette"
VERSION: Final = 1


class Origin(BaseModel):
    """Of a fork: what it was before its own first step."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    forked_from: str
    from_step: int
    options: dict[str, Any]
    limits: Limits
    generation: str | None


class Recording(BaseModel):
    """One run: what was asked for, then its trace. What else it was given from outside is in the trace itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    thread_id: str
    pipeline: str
    generation: str | None
    """Of the collection."""
    durable: bool
    """Whether it kept its steps."""
    input: RunInput
    options: dict[str, Any]
    sampling: Sampling
    limits: Limits
    start: dict[str, Any] = {}
    """Where on its thread it began, as `server.runs.order.Start`."""
    origin: Origin | None = None
    events: tuple[Event, ...]

    @property
    def started(self) -> RunStarted | None:
        """None: it was cancelled before it began."""
        return next((event for event in self.events if isinstance(event, RunStarted)), None)


class Cassette(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["sandtable.cassette"] = FORMAT
    version: Literal[1] = VERSION
    before: tuple[Recording, ...] = ()
    """The runs whose questions this one answers, oldest first."""
    run: Recording

    def text(self) -> str:
        """The document: the same for the same run, byte for byte."""
        data = self.model_dump(mode="json")
        return json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n"


def read_cassette(text: str | bytes) -> Cassette:
    """Raises BadCassette."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BadCassette(f"this is no cassette: it is not JSON ({error})") from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise BadCassette(f"this is no cassette: its 'format' is not {FORMAT!r}")
    if found.get("version") != VERSION:
        raise BadCassette(f"the cassette has version {found.get('version')!r}; this Sandtable reads version {VERSION}")
    try:
        cassette = Cassette.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadCassette(f"the cassette is damaged at {place!r}: {first['msg']}") from None
    for recording in (*cassette.before, cassette.run):
        _check(recording)
    return cassette


def _check(recording: Recording) -> None:
    for number, event in enumerate(recording.events, start=1):
        if event.seq != number:
            raise BadCassette(f"the cassette is damaged: event {number} of run {recording.run_id} has seq {event.seq}")
    if not recording.events or recording.events[-1].type not in TERMINAL:
        raise BadCassette(f"the cassette is damaged: run {recording.run_id} has no end")
