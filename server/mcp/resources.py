"""The files of the caller's collections as MCP resources: for clients in which a person picks what a model reads."""

from __future__ import annotations

import mcp.types as mcp
from sqlalchemy import func, select

from retrieval.tables import collection, content, document
from server.errors import bad_request
from server.mcp.fetch import document_of
from server.mcp.tool import Caller

SCHEME = "sandtable://files/"
PAGE = 200


async def list_resources(caller: Caller, cursor: str | None) -> mcp.ListResourcesResult:
    """A page of files in the order of their ids, one entry each however many collections it is in."""
    query = (
        select(
            document.c.file_id, document.c.filename, func.min(content.c.media_type), func.min(document.c.usage_bytes)
        )
        .join(collection, collection.c.id == document.c.collection_id)
        .join(content, content.c.id == document.c.content_id)
        .where(collection.c.tenant == caller.tenant, document.c.file_id > (cursor or ""))
        .group_by(document.c.file_id, document.c.filename)
        .order_by(document.c.file_id)
        .limit(PAGE + 1)
    )
    rows = await caller.services.database.read(lambda db: db.execute(query).all())
    kept = rows[:PAGE]
    listed = [_resource(*row) for row in kept]
    return mcp.ListResourcesResult(resources=listed, next_cursor=kept[-1][0] if len(rows) > PAGE else None)


def _resource(file_id: str, filename: str, media_type: str, size: int) -> mcp.Resource:
    return mcp.Resource(uri=f"{SCHEME}{file_id}", name=filename, mime_type=_kind(media_type), size=size)


def _kind(media_type: str) -> str:
    """Of what is read, which is the parsed text: of a PDF not its bytes, but what stands in it."""
    return media_type if media_type.startswith("text/") else "text/plain"


TEMPLATE = mcp.ResourceTemplate(
    uri_template=f"{SCHEME}{{file_id}}",
    name="file",
    title="A file's text",
    description="The text of a file in a collection, as the service parsed it; `search` gives file ids.",
    mime_type="text/plain",
)


async def read_resource(caller: Caller, uri: str) -> mcp.ReadResourceResult:
    """Raises ApiError."""
    if not uri.startswith(SCHEME):
        raise bad_request(f"No resource {uri!r}; they look like {SCHEME}file-…", "uri", "not_found")
    row = await document_of(caller, uri.removeprefix(SCHEME))
    text = mcp.TextResourceContents(uri=uri, mime_type=_kind(row.media_type), text=row.text)
    return mcp.ReadResourceResult(contents=[text])
