"""The files of whoever a call is made for, as a tool meets them: those of others are not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Given:
    """A file that the user has."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Kept:
    """A file that a tool made, and that the user has from now on."""

    file_id: str
    filename: str
    media_type: str
    bytes: int


class Desk(Protocol):
    async def read(self, file_id: str) -> Given:
        """Raises ToolError for a file that is not there, or not theirs."""
        ...

    async def keep(self, name: str, data: bytes) -> Kept:
        """Store a file for the user. Raises ToolError where it cannot be stored."""
        ...
