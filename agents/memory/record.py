"""What is remembered: a dated text, whose it is, and what has become of it since."""

from __future__ import annotations

from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, Field

from backends.base import Value

Kind = Literal["fact", "observation", "reflection", "summary"]
"""`summary`: of a thread's older turns; it is never recalled as a record."""


def in_utc(at: datetime) -> datetime:
    """Without a zone it is UTC. Raises ValueError in the first and the last year of the calendar: from there, hours and
    zones lead out of it."""
    if at.year in (MINYEAR, MAXYEAR):
        raise ValueError(f"the year {at.year} is at the end of the calendar: write one from 2 to 9998")
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


Moment = Annotated[datetime, AfterValidator(in_utc)]
USUAL = 5.0
"""The importance of what nobody has judged: the middle."""


class Owner(NamedTuple):
    """Whose the records are. Two owners never see each other's."""

    tenant: str
    scope: Literal["user", "thread"]
    name: str


class Draft(Value):
    """A record before it is kept."""

    text: str
    kind: Kind = "fact"
    subject: str = ""
    """What it is a fact about, if that is known: of two live facts about one subject the newer supersedes the older."""
    created_at: Moment
    importance: Annotated[float, Field(ge=1, le=10)] = USUAL
    sources: tuple[int, ...] = ()
    """Ids of the records that it rests on."""
    replaces: tuple[int, ...] = ()
    """Ids of the facts that it supersedes, whatever their subject."""


class Record(Value):
    id: int
    """From 1, for each owner, in the order in which they came; never given twice."""
    text: str
    kind: Kind = "fact"
    subject: str = ""
    created_at: Moment
    last_access: Moment
    """When it was made or last recalled."""
    importance: float = USUAL
    sources: tuple[int, ...] = ()
    superseded_by: int | None = None
    """The id of the record that took its place; it is history then, and recalled only for a time when it was valid."""
    forgotten: bool = False
    """Its text is gone; the number stays, so that it is not given again."""

    @property
    def live(self) -> bool:
        return self.superseded_by is None and not self.forgotten and self.kind != "summary"


def forgotten(record: Record) -> Record:
    return record.model_copy(update={"text": "", "subject": "", "sources": (), "forgotten": True})


def used(record: Record, at: datetime) -> Record:
    """A clock that was set back takes no use away."""
    return record.model_copy(update={"last_access": max(record.last_access, at)})
