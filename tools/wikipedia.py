"""An encyclopedia as a tool, the documents or a public one: a page by its title, or a sentence of it by a keyword."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from retrieval.errors import RetrievalError
from tools import wiki
from tools.base import NO_ENCYCLOPEDIA, Context, Result, tool
from tools.errors import ToolError


@tool(read_only=True, needs_collection=True, or_encyclopedia=True, max_chars=24_000)
async def wikipedia(
    page: Annotated[str, Field(min_length=1, max_length=500, description="The title of a page: the name of a file.")],
    context: Context,
    keyword: Annotated[
        str, Field(max_length=500, description="Look for sentences of the page with this word; empty: how it begins.")
    ] = "",
    result: Annotated[int, Field(ge=1, description="Which of those sentences; 1 is the first.")] = 1,
) -> Result:
    """Read an encyclopedia, the user's documents or a public one: how a page begins, or its sentences with a keyword.

    For a title that is no page: titles like it.
    """
    if not page.strip():
        raise ToolError("the title is blank: say which page")
    found = await _found(context, page.strip())
    said, place = wiki.search(wiki.nowhere(), page.strip(), found)
    if isinstance(found, list):
        return Result(said)
    if not found.sentences:
        return Result(f"The page {found.title!r} has no text that can be read here.")
    if not keyword.strip():
        return Result(said)
    said, _ = wiki.lookup({**place, "keyword": keyword, "cursor": result - 1}, keyword)
    return Result(said)


async def _found(context: Context, title: str) -> wiki.Page | list[str]:
    if context.encyclopedia is not None:
        return await context.encyclopedia.find(title)
    if context.retriever is None:
        raise ToolError(f"there are no documents to read here, and {NO_ENCYCLOPEDIA}")
    try:
        return await wiki.find(context.retriever, title)
    except RetrievalError as error:
        raise ToolError(f"the page could not be read: {error}") from error
