"""What the event table knows of a run's earlier attempts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.events import EVENT, Event
from server.storage import runs

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from agents.past import Past
    from server.services import Services

MOST_EVENTS = 1_000_000


async def past_of(services: Services, run_id: str, resumes: str | None) -> Past:
    """`resumes`: the run whose question this one answers. Its calls are not made again, nor those of the run that it
    answered itself."""
    prices = services.settings.prices

    def read(db: Connection) -> Past:
        from agents.past import read_past

        return read_past(_events(db, run_id), _before(db, resumes), prices)

    return await services.database.read(read)


def _before(db: Connection, resumes: str | None) -> list[Event]:
    found: list[Event] = []
    while resumes is not None:
        found = _events(db, resumes) + found
        resumes = runs.resumes(db, resumes)
    return found


def _events(db: Connection, run_id: str) -> list[Event]:
    return [EVENT.validate_json(data) for _, _, data in runs.read_events(db, run_id, 0, MOST_EVENTS)]
