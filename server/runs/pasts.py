"""What the event table knows of a run's earlier attempts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from agents.events import EVENT, Event
from server.storage import runs

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from agents.past import Past
    from server.services import Services

MOST_EVENTS = 1_000_000


async def past_of(services: Services, run_id: str, thread_id: str, resumes: str | None) -> Past:
    """`resumes`: the run whose question this one answers. Its calls are not made again, nor those of the run that it
    answered itself."""
    from agents.past import read_past

    def read(db: Connection) -> tuple[list[Event], list[Event]]:
        return _events(db, run_id), _before(db, resumes)

    own, before = await services.database.read(read)
    done = await services.checkpoints.done(thread_id) if own else ()
    return await asyncio.to_thread(read_past, own, before, services.settings.prices, done)


def _before(db: Connection, resumes: str | None) -> list[Event]:
    found: list[Event] = []
    while resumes is not None:
        found = _events(db, resumes) + found
        resumes = runs.resumes(db, resumes)
    return found


def _events(db: Connection, run_id: str) -> list[Event]:
    return [EVENT.validate_json(data) for _, _, data in runs.read_events(db, run_id, 0, MOST_EVENTS)]
