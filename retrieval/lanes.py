"""A generation that is loaded beside others of its collection: it is searched, and receives every write."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from retrieval import chunk_rows
from retrieval.contents import Contents
from retrieval.embedders.absent import Absent
from retrieval.embedders.batching import QueryBatcher
from retrieval.errors import EmbedderAway, EmbedderMismatch, EmbedderMissing
from retrieval.generation import Batch, Generation
from retrieval.generations import view_key
from retrieval.indexes.plan import Knobs
from retrieval.indexes.spec import parse
from retrieval.pace import Pace
from retrieval.resources import Resources

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from retrieval.base import Embedder, Ids


QUICK = 5_000
"""Chunks of which an exact search takes at most half a millisecond: it is not worth a thread of its own."""


@dataclass(eq=False)
class Lane:
    id: str
    generation: Generation
    queries: QueryBatcher
    chunking: str | None
    """As `generations.view_key`: what stands in the place of the files' own chunking."""
    contents: Contents = field(default_factory=Contents)
    """The collection's, cut in its way; shared by the lanes that are cut alike."""
    refusal: EmbedderMismatch | EmbedderAway | None = None
    """Why it cannot be searched, if it cannot."""
    catching_up: asyncio.Task[None] | None = None
    """See `retrieval.reach`."""

    @property
    def is_away(self) -> bool:
        """Whether it may be searched again once its model is back."""
        return isinstance(self.refusal, EmbedderAway)

    @property
    def is_quick(self) -> bool:
        """Whether a search without a filter may follow the embedding of its query at once, on the same thread."""
        spec = self.generation.spec
        return spec.dense is not None and not spec.outside and len(self.generation) <= QUICK


def lane_of(row: Row[Any], resources: Resources) -> Lane:
    """Not opened yet."""
    try:
        embedder, queries = resources.embedder(row.embedder)
    except EmbedderMissing as error:
        embedder = Absent(row.embedder, str(error))
        queries = QueryBatcher(embedder)
    directory = resources.directory / row.collection_id / row.id
    generation = Generation(parse(row._mapping["index"]), embedder, directory, resources.postgres)
    generation.knobs = Knobs(**(row.knobs or {}))
    return Lane(row.id, generation, queries, view_key(row.chunking))


def check_embedder(row: Row[Any], embedder: Embedder) -> None:
    """Raise EmbedderMismatch if the embedder is no longer the model that the generation was built with.

    Another runtime of the same weights is no other model: its vectors are made anew. Blocks: loads the model.
    """
    if row.fingerprint is None:
        return
    built, now = _identity(row.fingerprint, row.dimension), _identity(embedder.fingerprint, embedder.dimension)
    if built != now:
        raise EmbedderMismatch(
            f"generation {row.id!r} was built with {row.embedder!r} of {row.dimension} dimensions and fingerprint "
            f"{row.fingerprint!r}; what has this name now makes {embedder.dimension} dimensions and has "
            f"{embedder.fingerprint!r}. Put the former model back, or build a new generation and activate it"
        )


def _identity(fingerprint: str, dimension: int | None) -> tuple[str, int | None]:
    """The weights come first in a fingerprint, then their runtime."""
    return fingerprint.partition("-")[0], dimension


def read_view(db: Connection, collection_id: str, chunking: str | None) -> Contents:
    view = Contents()
    found, files = chunk_rows.contents(db, collection_id, chunking)
    for content in found:
        view.add_content(content)
    for content_id, entry in files:
        view.put_file(content_id, entry)
    return view


def every(view: Contents) -> Ids:
    return view.allowed(lambda _attributes: True)


def missing(lane: Lane, resources: Resources, ids: Ids, pace: Pace | None = None) -> Iterator[Batch]:
    spec, embedder = lane.generation.spec, lane.generation.embedder
    dense = spec.dense is not None
    return chunk_rows.batches(resources.database, embedder, ids, dense=dense, lexical=spec.lexical, pace=pace)
