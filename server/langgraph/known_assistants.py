"""The assistants that a tenant has: one for every pipeline, and those that it made itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from agents import catalog
from server.errors import ApiError
from server.langgraph.route import timestamp
from server.storage import assistants

if TYPE_CHECKING:
    from sqlalchemy import Row

    from server.services import Services

NAMESPACE = UUID("6ba7b821-9dad-11d1-80b4-00c04fd430c8")
"""That LangGraph's server makes the ids of its graphs' own assistants with; clients compute them too."""
FIRST_DAY = 1795564800.0
"""2026-11-25: a pipeline has no date of its own, and clients want one."""


@dataclass(frozen=True, kw_only=True)
class Assistant:
    id: str
    graph_id: str
    """The pipeline's name."""
    name: str
    description: str | None = None
    config: dict[str, Any]
    context: dict[str, Any]
    metadata: dict[str, Any]
    version: int = 1
    created_at: float = FIRST_DAY
    updated_at: float = FIRST_DAY
    own: bool = False
    """Made by the tenant."""

    def shown(self) -> dict[str, Any]:
        return {
            "assistant_id": self.id,
            "graph_id": self.graph_id,
            "config": self.config,
            "context": self.context,
            "created_at": timestamp(self.created_at),
            "updated_at": timestamp(self.updated_at),
            "metadata": self.metadata,
            "version": self.version,
            "name": self.name,
            "description": self.description,
        }


def id_of(graph_id: str) -> str:
    return str(uuid5(NAMESPACE, graph_id))


def of_pipeline(name: str) -> Assistant:
    about = {"created_by": "system"}
    return Assistant(id=id_of(name), graph_id=name, name=name, config={}, context={}, metadata=about)


def of_row(row: Row[Any]) -> Assistant:
    return Assistant(
        id=row.assistant_id,
        graph_id=row.pipeline,
        name=row.name,
        description=row.description,
        config=row.config,
        context=row.context,
        metadata=row.metadata,
        version=row.version,
        created_at=getattr(row, "made_at", row.created_at),
        updated_at=getattr(row, "updated_at", row.created_at),
        own=True,
    )


async def find_assistant(services: Services, tenant: str, wanted: str) -> Assistant:
    """By its id, or by the name of a pipeline. Raises ApiError."""
    for name in catalog.PIPELINES:
        if wanted in (name, id_of(name)):
            return of_pipeline(name)
    row = await services.database.read(lambda db: assistants.get_assistant(db, tenant, wanted.lower()))
    if row is None:
        message = f"No assistant {wanted!r}; there are the pipelines {', '.join(catalog.PIPELINES)}, and your own."
        raise ApiError(404, message, param="assistant_id", code="assistant_not_found")
    return of_row(row)


async def all_assistants(services: Services, tenant: str) -> list[Assistant]:
    """Newest first."""
    rows = await services.database.read(lambda db: assistants.list_assistants(db, tenant))
    return [*map(of_row, rows), *map(of_pipeline, catalog.PIPELINES)]
