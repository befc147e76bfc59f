"""A persona's memory stream: its records, and where they are kept. What each weighs: agents/memory/scoring.py."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal, Protocol

from pydantic import Field

from agents.memory.archive import Archive
from agents.memory.record import Moment, Owner
from agents.memory.store import InMemory
from backends.base import Value
from retrieval.analysis import terms


class Draft(Value):
    """A record before it is kept."""

    text: str
    kind: Literal["observation", "reflection", "plan"]
    importance: Annotated[float, Field(ge=1, le=10)]
    """As it was judged when the record was made."""
    made: Moment
    """In the persona's own time, as `used`."""
    because_of: tuple[int, ...] = ()
    """Ids of the records that a reflection rests on."""


class Record(Draft):
    id: int
    """From 1, in the order in which they came."""
    used: Moment
    """When it was made or last recalled."""

    @property
    def last_access(self) -> datetime:
        return self.used


class Stream(Protocol):
    """Where records are kept, by whose they are."""

    async def all(self, owner: tuple[str, ...]) -> list[Record]:
        """By id."""
        ...

    async def add(self, owner: tuple[str, ...], drafts: Sequence[Draft], key: str) -> list[int]:
        """Returns their ids; a second time with the same key, those of the first."""
        ...

    async def touch(self, owner: tuple[str, ...], ids: Sequence[int], at: datetime) -> None:
        """They were used."""
        ...


Nearness = Callable[[str, Sequence[str]], Awaitable[list[float]]]
"""How near each text is to a query: cosine."""


def unreflected(records: Sequence[Record]) -> float:
    """The importance of what was perceived since the last reflection."""
    last = max((record.id for record in records if record.kind == "reflection"), default=0)
    return sum(record.importance for record in records if record.kind == "observation" and record.id > last)


@dataclass
class InOneRun:
    """Kept for as long as this object: where a pipeline runs without a service."""

    records: dict[tuple[str, ...], list[Record]] = field(default_factory=dict)
    done: dict[str, list[int]] = field(default_factory=dict)

    async def all(self, owner: tuple[str, ...]) -> list[Record]:
        return list(self.records.get(owner, ()))

    async def add(self, owner: tuple[str, ...], drafts: Sequence[Draft], key: str) -> list[int]:
        if key not in self.done:
            kept = self.records.setdefault(owner, [])
            made = [kept_as(draft, len(kept) + place) for place, draft in enumerate(drafts, start=1)]
            kept += made
            self.done[key] = [record.id for record in made]
        return self.done[key]

    async def touch(self, owner: tuple[str, ...], ids: Sequence[int], at: datetime) -> None:
        kept = self.records.get(owner, [])
        self.records[owner] = [used_at(record, at) if record.id in ids else record for record in kept]


def kept_as(draft: Draft, id: int) -> Record:
    return Record(**draft.model_dump(), id=id, used=draft.made)


def used_at(record: Record, at: datetime) -> Record:
    """A clock that was set back takes no use away."""
    return record.model_copy(update={"used": max(record.used, at)})


async def by_terms(query: str, texts: Sequence[str]) -> list[float]:
    """Cosine of the sets of terms: without an embedder."""
    asked = set(terms(query))
    held = [set(terms(text)) for text in texts]
    return [len(asked & has) / (len(asked) * len(has)) ** 0.5 if asked and has else 0.0 for has in held]


@dataclass(frozen=True)
class Memory:
    """What a run is given of it."""

    stream: Stream = field(default_factory=InOneRun)
    nearness: Nearness = by_terms
    """These two are of the personas of `generative`; what follows, of memory that any pipeline may have."""
    archive: Archive = field(default_factory=lambda: Archive(InMemory()))
    tenant: str = ""
    thread_id: str = ""

    def owner(self, user: str) -> Owner:
        """Whose records a run has: the user's, else the thread's."""
        return Owner(self.tenant, "user", user) if user else Owner(self.tenant, "thread", self.thread_id)
