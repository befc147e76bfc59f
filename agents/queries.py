"""Other ways to ask a question, for a search that joins what each of them finds.

Rackauckas 2024, RAG-Fusion (arXiv:2402.03367).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from agents.structured import ask_json
from backends.base import Message
from backends.errors import BadStructuredOutput

if TYPE_CHECKING:
    from agents.run import Run

LONGEST = 500
"""Characters of a query that is searched with: a model that answers instead of asking writes more."""


class Queries(BaseModel):
    queries: list[str] = Field(description="Search queries, each complete in itself.")


async def more_queries(run: Run, question: str, count: int) -> list[str]:
    """Up to so many queries that are not the question itself. None, with a warning, if the backend gives none."""
    asked = [Message(role="system", content=PROMPT.format(count=count)), Message(role="user", content=question)]
    try:
        given = (await ask_json(run, *asked, fits=Queries)).queries
    except BadStructuredOutput as error:
        run.warn("queries", f"searched with the question alone: {error}")
        return []
    seen = {question.casefold().strip()}
    found = []
    for query in (" ".join(one.split())[:LONGEST] for one in given):
        if query and query.casefold() not in seen:
            seen.add(query.casefold())
            found.append(query)
    if not found:
        run.warn("queries", "searched with the question alone: the model gave no other query")
    return found[:count]


PROMPT = (
    "Documents are to be searched for what answers the user's question. Write {count} other search queries for it: the "
    "question in other words, or a part of it each if it asks for several things. Write in the language of the "
    "question. Do not answer it."
)
