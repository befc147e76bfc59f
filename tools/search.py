"""Search in the documents of the run, as a tool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from retrieval.errors import RetrievalError
from tools.base import Context, Result, tool
from tools.errors import ToolError

if TYPE_CHECKING:
    from retrieval.base import Hit


@tool(read_only=True, needs_collection=True, max_chars=24_000)
async def search(
    query: Annotated[
        str,
        Field(
            min_length=1,
            max_length=2000,
            description="What to look for: a question, or words that the passage would contain.",
        ),
    ],
    context: Context,
) -> Result:
    """Search the user's documents; returns the passages that fit best, with their file names."""
    if not query.strip():
        raise ToolError("the query is blank: say what to look for")
    if context.retriever is None:
        raise ToolError("there are no documents to search here")
    try:
        hits = await context.retriever.search(query, context.k)
    except RetrievalError as error:
        raise ToolError(f"the search failed: {error}") from error
    if not hits:
        return Result("Nothing was found. Try other words, or answer without documents and say so.")
    return Result("\n\n".join(map(_passage, hits)), tuple(hits))


def _passage(hit: Hit) -> str:
    return f"{' '.join(hit.filename.split())}, characters {hit.start} to {hit.end}:\n{hit.text}"
