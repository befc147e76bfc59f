"""What runs code that a model wrote, whatever keeps it in: the seam between the tool `python` and the tiers.

A tier is a way of keeping code in (`docs/sandbox.md`). Code of one session finds what the session's earlier code left,
in memory and in its work folder; code of another session never does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

State = Literal["new", "kept", "lost"]
"""Of a session: this was its first code; it had what earlier code left; it ended with this code, and all is gone."""


@dataclass(frozen=True)
class File:
    name: str
    """Within the work folder, with `/` between folders."""
    data: bytes


@dataclass(frozen=True, kw_only=True)
class Cell:
    code: str
    session: str = ""
    """Whose state it finds and leaves; empty: nobody's, all is gone afterwards."""
    files: tuple[File, ...] = ()
    """Put into the work folder before the code runs, over what is there under these names."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    output: str
    """What it printed, the first part of it if it was much."""
    value: str = ""
    """The last expression's, as `repr` has it; empty if there is none, or it is None."""
    error: str = ""
    """Its traceback, or why it was ended."""
    notes: tuple[str, ...] = ()
    """What else whoever reads the result should know."""
    files: tuple[File, ...] = ()
    """Regular files of the work folder that are new or changed."""
    state: State = "new"
    seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Of one session; `sessions` and `idle_seconds` of all together."""

    seconds: float = 30.0
    """That a cell may take: of the clock, and of one core."""
    memory_mb: int = 512
    """Address space beyond what the interpreter and its libraries have."""
    disk_mb: int = 64
    files: int = 2000
    threads: int = 64
    output_bytes: int = 100_000
    """That are kept; the rest is thrown away."""
    flood_bytes: int = 8 << 20
    """Printed by one cell, and it is ended."""
    sessions: int = 20
    idle_seconds: float = 900.0


class Sandbox(Protocol):
    """One tier. Made at once; whatever it needs is started by the first cell."""

    async def run(self, cell: Cell) -> Ran:
        """Run a cell; cells of one session one after the other. Cancelled, it ends the code that runs.

        Raises SandboxUnavailable if the tier cannot be trusted here, SandboxBusy if there is no room, BadCell.
        """

    async def end(self, session: str) -> None:
        """Forget the session, if there is one."""

    async def aclose(self) -> None:
        """End everything; no process and no folder is left."""
