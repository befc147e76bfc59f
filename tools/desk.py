"""The files of whoever a call is made for, as a tool meets them: those of others are not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class FileEntry:
    """A file that the user has."""

    id: str
    filename: str
    bytes: int
    path: Path
    """Where its bytes lie; to be read only."""


@dataclass(frozen=True)
class Kept:
    """A file that a tool made, and that the user has from now on."""

    file_id: str
    filename: str
    media_type: str
    bytes: int


class Desk(Protocol):
    async def all(self) -> list[FileEntry]:
        """Newest first."""
        ...

    async def find(self, name: str) -> FileEntry:
        """By id, or by a name that one file has. Raises ToolError for one that is not there, or not theirs."""
        ...

    async def keep(self, name: str, data: bytes) -> Kept:
        """Store a file for the user. Raises ToolError where it cannot be stored."""
        ...
