"""Who would miss a trained embedder: generations that have it, and trainings that begin from it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlalchemy import select

from retrieval.tables import collection, generation
from server.storage import trainings

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from server.trained_models import TrainedName


def user_of(db: Connection, found: TrainedName, tenant: str) -> str | None:
    """In words, one of the tenant's own first; of others it is only said that there is one."""
    users = sorted(_users(db, found), key=lambda user: user[0] != tenant)
    if not users:
        return None
    owner, name = users[0]
    return name if owner == tenant else "something of somebody else's"


def _users(db: Connection, found: TrainedName) -> Iterator[tuple[str, str]]:
    alive = generation.c.status.not_in(("failed", "cancelled"))
    columns = (generation.c.embedder, generation.c.id, collection.c.tenant, collection.c.name, collection.c.id)
    for embedder, id, tenant, name, collection_id in db.execute(
        select(*columns).select_from(generation.join(collection)).where(alive)
    ):
        if found.covers(embedder):
            yield tenant, f"the generation {id!r} of {name or collection_id!r}"
    for row in trainings.unfinished(db):
        if found.covers(row.asked["model"]):
            yield row.tenant, f"the training {row.id!r}, which begins from it"
