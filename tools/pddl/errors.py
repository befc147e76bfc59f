"""What can go wrong between a planning problem in PDDL and its plan; `kind` is for programs."""

from __future__ import annotations

from typing import Literal

from tools.errors import ToolError

Kind = Literal[
    "syntax", "unknown", "types", "unsupported", "unsolvable", "timed_out", "out_of_memory", "invalid_plan",
    "engine_missing", "engine_failed",
]  # fmt: skip
"""Not PDDL; a name that is declared nowhere, or with other arguments; an object of another type; PDDL beyond what is
read here; there is no plan; too slow; too large; what the engine calls a plan is none; no such engine; any other end of
the engine."""
OF_THE_TEXT: frozenset[Kind] = frozenset({"syntax", "unknown", "types", "unsupported"})
"""Whoever wrote the PDDL can mend it."""


class PlanningError(ToolError):
    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
