"""The documents as an encyclopedia, as a tool: a page by its title, or a sentence of it by a keyword."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from retrieval.errors import RetrievalError
from tools import wiki
from tools.base import Context, Result, tool
from tools.errors import ToolError


@tool(read_only=True, needs_collection=True, max_chars=24_000)
async def wikipedia(
    page: Annotated[str, Field(min_length=1, max_length=500, description="The title of a page: the name of a file.")],
    context: Context,
    keyword: Annotated[
        str, Field(max_length=500, description="Look for sentences of the page with this word; empty: how it begins.")
    ] = "",
    result: Annotated[int, Field(ge=1, description="Which of those sentences; 1 is the first.")] = 1,
) -> Result:
    """Read the user's documents by title: the first sentences of a page, or one with a keyword; else titles like it."""
    if not page.strip():
        raise ToolError("the title is blank: say which page")
    if context.retriever is None:
        raise ToolError("there are no documents to read here")
    try:
        found = await wiki.find(context.retriever, page.strip())
    except RetrievalError as error:
        raise ToolError(f"the page could not be read: {error}") from error
    said, place = wiki.search(wiki.nowhere(), page.strip(), found)
    if isinstance(found, list) or not keyword.strip():
        return Result(said)
    said, _ = wiki.lookup({**place, "keyword": keyword, "cursor": result - 1}, keyword)
    return Result(said)
