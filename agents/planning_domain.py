"""The domains that come with the service, and those of the user's own, each with a worked example for the model."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from tools.pddl.domain import read_domain

FOLDER = Path(__file__).parent / "domains"
BUILT_IN = ("blocks", "delivery")


class PlanningExample(BaseModel):
    """A problem in words and as it is written in PDDL."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(min_length=1, max_length=20_000)
    problem: str = Field(min_length=1, max_length=100_000)


class PlanningDomain(NamedTuple):
    pddl: str
    example: PlanningExample | None


def known(given: str) -> str:
    """`given` itself, if it is a domain's name or PDDL. Raises ValueError, PlanningError."""
    if given in BUILT_IN:
        return given
    if "(" not in given:
        raise ValueError(f"there is no domain {given!r}; there are {', '.join(BUILT_IN)}, or PDDL text")
    read_domain(given)
    return given


def load(given: str, example: PlanningExample | None) -> PlanningDomain:
    """A built-in domain by its name, or PDDL text as it is; `example` goes before the built-in one."""
    if given not in BUILT_IN:
        return PlanningDomain(given, example)
    folder = FOLDER / given
    text, problem = ((folder / name).read_text("utf-8").strip() for name in ("example.txt", "example.pddl"))
    own = PlanningExample(text=" ".join(text.split()), problem=problem)
    return PlanningDomain((folder / "domain.pddl").read_text("utf-8"), example or own)
