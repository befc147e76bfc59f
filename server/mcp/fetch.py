"""The tool `fetch`: the text of a document that `search` found, whole or a part at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import and_, select

from retrieval.tables import collection, content, document
from server.errors import ApiError, not_found
from server.mcp.places import collection_named
from server.mcp.search import url_of
from server.mcp.tool import Answer, Caller, McpTool
from server.openai.schema import Body, Text

MOST_CHARACTERS = 1_000_000


class FetchArguments(Body):
    id: Annotated[Text, Field(description="The id of a document, as `search` gave it.")]
    collection: Annotated[
        Text | None,
        Field(description="The collection to read it from; files may be in several, where they have the same text."),
    ] = None
    start: Annotated[int, Field(ge=0, le=2**53, description="Where to begin, in characters of the text.")] = 0
    max_characters: Annotated[
        int,
        Field(ge=1, le=MOST_CHARACTERS, description="How much to return; `metadata.next_start` goes on from there."),
    ] = 200_000


class Metadata(Answer):
    filename: str
    collection: str
    media_type: str
    attributes: Mapping[str, str | float | bool]
    characters: int
    """Of the whole text; all places count code points of it."""
    start: int
    end: int
    next_start: int | None
    """Null when nothing is left."""


class FetchAnswer(Answer):
    id: str
    title: str
    text: str
    url: str
    metadata: Metadata


async def fetch(caller: Caller, asked: FetchArguments) -> tuple[FetchAnswer, str]:
    row = await document_of(caller, asked.id, asked.collection)
    end = min(asked.start + asked.max_characters, len(row.text))
    start = min(asked.start, len(row.text))
    answer = FetchAnswer(
        id=asked.id,
        title=row.title or row.filename,
        text=row.text[start:end],
        url=url_of(caller, asked.id),
        metadata=Metadata(
            filename=row.filename,
            collection=row.name or row.collection_id,
            media_type=row.media_type,
            attributes=row.attributes,
            characters=len(row.text),
            start=start,
            end=end,
            next_start=end if end < len(row.text) else None,
        ),
    )
    return answer, answer.model_dump_json()


async def document_of(caller: Caller, file_id: str, place: str | None = None) -> Any:
    """The document with its text. Raises ApiError if the caller has none of this id, or it was not read yet."""
    where = and_(collection.c.tenant == caller.tenant, document.c.file_id == file_id)
    if place is not None:
        where = and_(where, collection.c.id == (await collection_named(caller.services, caller.tenant, place)).id)
    query = (
        select(document, collection.c.name, content.c.text, content.c.title, content.c.media_type)
        .join(collection, collection.c.id == document.c.collection_id)
        .outerjoin(content, content.c.id == document.c.content_id)
        .where(where)
        # One that has been read goes before one that has not.
        .order_by(document.c.content_id.is_(None), document.c.created_at)
        .limit(1)
    )
    row = await caller.services.database.read(lambda db: db.execute(query).one_or_none())
    if row is None:
        raise not_found("document", file_id, "id")
    if row.text is None:
        message = f"The document {file_id!r} has no text: its status is {row.status!r}."
        raise ApiError(409 if row.status == "in_progress" else 400, message, param="id", code="no_content")
    return row


TOOL = McpTool(
    name="fetch",
    title="Read a document",
    description="Read a document that `search` found: its text as the service parsed it, its title and attributes.",
    arguments=FetchArguments,
    answer=FetchAnswer,
    run=fetch,
    read_only=True,
)
