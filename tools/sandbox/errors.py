"""Why code was not run. `way_out` is what whoever runs the service can do about it."""

from __future__ import annotations


class SandboxUnavailable(Exception):
    """The tier is not there, or something that it rests on is not: nothing was run."""

    def __init__(self, reason: str, way_out: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.way_out = way_out


class SandboxBusy(Exception):
    """Every session is in use; nothing was run."""


class BadCell(Exception):
    """A file of the cell cannot be put into the work folder; nothing was run."""
