"""The tool `search`: passages for a query, and the documents they stand in.

`results` is the shape that ChatGPT's connectors ask for (https://platform.openai.com/docs/mcp): a document each, whose
`id` the tool `fetch` takes. `hits` are the passages themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from retrieval.base import Hit
from server.errors import bad_request
from server.mcp.places import collection_named, live_collections, shown
from server.mcp.tool import Answer, Caller, McpTool
from server.openai.schema import Body, Json, Text
from server.openai.search import Query, note_use

MOST_AT_ONCE = 16
"""Collections that one call searches when it names none: each that is not open yet is loaded from disk."""


class SearchArguments(Body):
    query: Annotated[Query, Field(description="What to look for, as words or as a question, in any language.")]
    collection: Annotated[
        Text | None, Field(description="Search only the collection with this name or id; without it, all of them.")
    ] = None
    max_num_results: Annotated[int, Field(ge=1, le=50, description="How many passages to return.")] = 10
    filters: Annotated[
        Json | None,
        Field(
            description='Only files whose attributes pass: {"type": "eq", "key": "year", "value": 2023} with eq, ne, '
            'gt, gte, lt, lte, in or nin, joined by {"type": "and" or "or", "filters": [...]}.'
        ),
    ] = None


class FoundDocument(Answer):
    id: str
    """For `fetch`."""
    title: str
    url: str
    text: str
    """The best passage in it."""


class FoundPassage(Answer):
    id: str
    """Of the document."""
    collection: str
    filename: str
    chunk_id: int
    score: float
    start: int
    end: int
    """The passage is the document's text from `start` to `end`, in code points."""
    text: str
    attributes: Mapping[str, str | float | bool]


class SearchAnswer(Answer):
    results: list[FoundDocument]
    hits: list[FoundPassage]


async def search(caller: Caller, asked: SearchArguments) -> tuple[SearchAnswer, str]:
    if not asked.query.strip():
        raise bad_request("'query' is empty.", "query", "invalid_value")
    hits: list[tuple[Any, Hit]] = []
    for row in await _searched(caller, asked.collection):
        opened = await caller.services.collections.get(row.id)
        hits += [(row, hit) for hit in await opened.search(asked.query, asked.max_num_results, where=asked.filters)]
        await note_use(caller.services, row)
    hits.sort(key=lambda found: -found[1].score)
    hits = hits[: asked.max_num_results]
    best: dict[str, Hit] = {}
    for _, hit in hits:
        best.setdefault(hit.file_id, hit)
    answer = SearchAnswer(
        results=[
            FoundDocument(id=id, title=hit.filename, url=url_of(caller, id), text=hit.text) for id, hit in best.items()
        ],
        hits=[_passage(row, hit) for row, hit in hits],
    )
    return answer, answer.model_dump_json()


async def _searched(caller: Caller, wanted: str | None) -> list[Any]:
    if wanted is not None:
        return [await collection_named(caller.services, caller.tenant, wanted)]
    rows = await live_collections(caller.services, caller.tenant)
    if len(rows) > MOST_AT_ONCE:
        message = f"There are {len(rows)} collections, too many to search at once; name one of them: {shown(rows)}."
        raise bad_request(message, "collection", "collection_required")
    return rows


def _passage(row: Any, hit: Hit) -> FoundPassage:
    return FoundPassage(
        id=hit.file_id,
        collection=row.name or row.id,
        filename=hit.filename,
        chunk_id=hit.chunk_id,
        score=hit.score,
        start=hit.start,
        end=hit.end,
        text=hit.text,
        attributes=hit.attributes,
    )


def url_of(caller: Caller, file_id: str) -> str:
    """Where the file can be had as it was uploaded."""
    return f"{caller.origin}v1/files/{file_id}/content"


TOOL = McpTool(
    name="search",
    title="Search documents",
    description="Find passages in the user's own documents, by words and by meaning. Returns documents, whose ids "
    "`fetch` takes, and the passages with their place in the document.",
    arguments=SearchArguments,
    answer=SearchAnswer,
    run=search,
    read_only=True,
)
