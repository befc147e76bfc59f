"""Where records are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from agents.memory.record import Owner, Record


class Kept(NamedTuple):
    """A record with what belongs to it."""

    record: Record
    vector: bytes | None = None
    """Of its text, float32; on writing, None leaves the one there is."""
    embedded_by: str = ""
    """The fingerprint of the embedder that made the vector."""
    made_by: str = ""
    """The key of the call that made the record, by which the same call is known when it comes again."""


class Store(Protocol):
    async def load(self, owner: Owner) -> list[Kept]:
        """All that there is of an owner, by id."""
        ...

    async def write(self, owner: Owner, changed: Sequence[Kept]) -> None:
        """Keep records, new ones and new states of old ones: all of them or none."""
        ...

    async def erase(self, owner: Owner) -> None:
        """Leave nothing of an owner."""
        ...


class InMemory:
    """Kept for as long as this object: where a pipeline runs without a service."""

    def __init__(self) -> None:
        self._kept: dict[Owner, dict[int, Kept]] = {}

    async def load(self, owner: Owner) -> list[Kept]:
        return [kept for _, kept in sorted(self._kept.get(owner, {}).items())]

    async def write(self, owner: Owner, changed: Sequence[Kept]) -> None:
        there = self._kept.setdefault(owner, {})
        for new in changed:
            old = there.get(new.record.id)
            if old is not None:
                vector = old[1:3] if new.vector is None else new[1:3]
                new = Kept(new.record, *vector, old.made_by)
            there[new.record.id] = new

    async def erase(self, owner: Owner) -> None:
        self._kept.pop(owner, None)
