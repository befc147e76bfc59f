"""The collections that a caller may name, and the one that was named."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from retrieval.tables import collection
from server.errors import ApiError, bad_request
from server.openai.vector_stores import expires_at
from server.resolve import resolve_collection

if TYPE_CHECKING:
    from server.services import Services

SHOWN = 20
"""Collections that are named to a model: more would fill its context with names."""


async def live_collections(services: Services, tenant: str) -> list[Any]:
    """Rows of the collections that may be searched, those used last first."""
    query = select(collection).where(collection.c.tenant == tenant).order_by(collection.c.last_active_at.desc())
    rows = await services.database.read(lambda db: db.execute(query).all())
    now = time.time()
    return [row for row in rows if (ends := expires_at(row)) is None or ends >= now]


async def collection_named(services: Services, tenant: str, wanted: str) -> Any:
    """The row of a collection by its id or exact name. Raises ApiError that says which there are."""
    rows = await live_collections(services, tenant)
    try:
        found = await resolve_collection(services, tenant, wanted, "collection")
    except ApiError as error:
        if error.code != "collection_not_found":
            raise
        raise ApiError(
            404, f"No collection {wanted!r}; there are: {shown(rows)}.", param="collection", code=error.code
        ) from None
    for row in rows:
        if row.id == found:
            return row
    raise bad_request(f"The collection {wanted!r} has expired.", "collection", "vector_store_expired")


def shown(rows: list[Any]) -> str:
    """The names by which collections can be given, for a person or a model to read."""
    if not rows:
        return "none yet"
    names = [row.name for row in rows]
    # A name that several share, or that is empty, cannot stand for one of them.
    labels = [repr(row.name if row.name and names.count(row.name) == 1 else row.id) for row in rows[:SHOWN]]
    return ", ".join(labels) + (f" and {len(rows) - SHOWN} more" if len(rows) > SHOWN else "")
