"""A collection as one run searches it: in the generation in which the run began, whichever is activated meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retrieval.errors import UnknownGeneration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from retrieval.base import Hit, Rerank
    from retrieval.collection import Collection
    from retrieval.lanes import Lane


@dataclass(frozen=True, eq=False)
class Pinned:
    """A `retrieval.base.Retriever`."""

    collection: Collection
    lane: Lane
    named: bool = False
    """Whether somebody asked for this generation; else it was the active one, and another may take its place when the
    run goes on in a later process."""

    @property
    def id(self) -> str:
        return self.collection.id

    @property
    def generation_id(self) -> str:
        return self.lane.id

    async def search(
        self, query: str, k: int, *, where: Mapping[str, Any] | None = None, rerank: Rerank | None = None
    ) -> list[Hit]:
        """As `Collection.search`. A generation that is deleted meanwhile is searched to the end of the run, as it was
        then, unless its passages went with it. Raises also UnknownGeneration."""
        if self.lane.chunking not in self.collection.views:
            raise UnknownGeneration(f"the generation {self.lane.id!r} was deleted while a run searched it")
        return await self.collection.search(query, k, where=where, lane=self.lane, rerank=rerank)


async def pinned(collection: Collection, generation_id: str | None, *, before: str | None = None) -> Pinned:
    """To the generation named; else to the one `before`, if it can still be searched; else to the active one.

    Raises UnknownGeneration, EmbedderMismatch.
    """
    if generation_id is not None:
        return Pinned(collection, await collection.loaded(generation_id), named=generation_id != "active")
    if before is not None:
        try:
            return Pinned(collection, await collection.loaded(before))
        except UnknownGeneration:
            pass
    return Pinned(collection, collection.lane(None))
