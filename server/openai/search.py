"""POST /v1/vector_stores/{id}/search: chunks for a query, with the stages that found them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Request
from pydantic import Field, StringConstraints
from sqlalchemy import update

from retrieval.base import Hit, Rerank
from retrieval.collection import Collection
from retrieval.errors import UnknownGeneration
from retrieval.lanes import Lane
from retrieval.several import fuse
from retrieval.tables import collection as collection_table
from server.errors import bad_request
from server.openai.schema import UNICODE, Body, Json, Text
from server.openai.vector_stores import live_store
from server.services import Services, services_of

router = APIRouter(tags=["vector stores"])

MAX_QUERY = 32_768
"""Characters of one query; beyond that it is a document."""
Query = Annotated[str, StringConstraints(min_length=1, max_length=MAX_QUERY), UNICODE]
ACTIVE_EVERY = 60.0
"""Seconds between two notes of a store's last use: expiry counts days."""


INDEX_ALONE: Final = (None, "none", "auto", "default-2024-11-15")
"""OpenAI's rankers: the order is that of the collection's index."""
Depth = Annotated[int, Field(ge=1, le=200)]


class RankingOptions(Body):
    ranker: Text | None = None
    depth: Depth = 50
    score_threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    hybrid_search: Any | None = None


class Search(Body):
    query: Query | Annotated[list[Query], Field(min_length=1, max_length=16)]
    filters: Json | None = None
    max_num_results: Annotated[int, Field(ge=1, le=50)] = 10
    ranking_options: RankingOptions | None = None
    rewrite_query: bool | None = None
    generation: Text | None = None
    explain: bool = False


async def lane_of(collection: Collection, wanted: str | None, param: str) -> Lane:
    """The generation to search: the active one, or the one of this id. Raises ApiError, EmbedderMismatch."""
    try:
        return await collection.loaded(wanted)
    except UnknownGeneration as error:
        raise bad_request(str(error), param, "unknown_generation") from None


@router.post("/v1/vector_stores/{store_id}/search")
async def search(request: Request, store_id: str, body: Search) -> dict[str, Any]:
    services = services_of(request)
    row = await live_store(request, store_id)
    if body.rewrite_query:
        message = "'rewrite_query' is not supported: rewrite the query before."
        raise bad_request(message, "rewrite_query", "unsupported_parameter")
    if body.ranking_options is not None and body.ranking_options.hybrid_search is not None:
        where = "ranking_options.hybrid_search"
        message = (
            f"{where!r} is not supported: how a store joins its searches is set by 'sandtable.index' at its making."
        )
        raise bad_request(message, where, "unsupported_parameter")
    queries = [body.query] if isinstance(body.query, str) else body.query
    if not all(query.strip() for query in queries):
        raise bad_request("'query' is empty.", "query", "invalid_value")
    collection = await services.collections.get(store_id)
    lane = await lane_of(collection, body.generation, "generation")
    hits = await _hits(collection, lane, queries, body)
    await note_use(services, row)
    matched: Sequence[list[str] | None] = [None] * len(hits)
    if body.explain:
        matched = await collection.matched_terms(" ".join(queries), [hit.chunk_id for hit in hits], lane)
    explained = {"explain": await collection.scope(body.filters, lane)} if body.explain else {}
    return {
        **explained,
        "object": "vector_store.search_results.page",
        "search_query": queries,
        "generation": lane.id,
        "data": [hit_object(hit, terms) for hit, terms in zip(hits, matched, strict=True)],
        "has_more": False,
        "next_page": None,
    }


async def _hits(collection: Collection, lane: Lane, queries: list[str], body: Search) -> list[Hit]:
    options = body.ranking_options or RankingOptions()
    rerank = None
    if options.ranker not in INDEX_ALONE:
        if options.depth < body.max_num_results:
            message = (
                f"the ranker looks at {options.depth} hits, and {body.max_num_results} are asked for: raise 'depth'."
            )
            raise bad_request(message, "ranking_options.depth", "invalid_value")
        rerank = Rerank(ranker=collection.resources.rerankers.get(str(options.ranker)).name, depth=options.depth)
    # No threshold is not one of 0: cosines of a `flat` store may lie below it.
    least = options.score_threshold
    found = []
    for query in queries:
        hits = await collection.search(query, body.max_num_results, where=body.filters, lane=lane, rerank=rerank)
        found.append([hit for hit in hits if least is None or hit.score >= least])
    return found[0] if len(queries) == 1 else fuse(queries, found, body.max_num_results)


def hit_object(hit: Hit, matched: list[str] | None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "file_id": hit.file_id,
        "filename": hit.filename,
        "score": hit.score,
        "attributes": hit.attributes,
        "content": [{"type": "text", "text": hit.text}],
        "chunk_id": hit.chunk_id,
        "start": hit.start,
        "end": hit.end,
    }
    if matched is not None:
        made["explain"] = {**hit.stages.model_dump(), "matched_terms": matched}
    return made


async def note_use(services: Services, row: Any) -> None:
    now = time.time()
    if now - row.last_active_at > ACTIVE_EVERY:
        change = update(collection_table).where(collection_table.c.id == row.id).values(last_active_at=now)
        await services.database.write(lambda db: db.execute(change))
