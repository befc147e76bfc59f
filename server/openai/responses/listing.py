"""Pages of items, in the order in which they came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from server.errors import bad_request
from server.openai.responses.finals import ALL, item_without
from server.openai.responses.schema import Includable


class ItemsQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None
    include: Annotated[list[Includable], Field(alias="include[]", default_factory=list)]


def page_of(items: Sequence[dict[str, Any]], query: ItemsQuery) -> dict[str, Any]:
    """Raises ApiError if `after` is none of them."""
    ordered = list(items) if query.order == "asc" else list(items)[::-1]
    if query.after is not None:
        ids = [item["id"] for item in ordered]
        if query.after not in ids:
            raise bad_request(f"'after' is {query.after!r}, which is not in this list.", "after", "unknown_cursor")
        ordered = ordered[ids.index(query.after) + 1 :]
    return list_of(ordered[: query.limit], query.include, more=len(ordered) > query.limit)


def list_of(items: Sequence[dict[str, Any]], include: Sequence[str], *, more: bool = False) -> dict[str, Any]:
    left_out = ALL - set(include)
    return {
        "object": "list",
        "data": [item_without(item, left_out) for item in items],
        "first_id": items[0]["id"] if items else None,
        "last_id": items[-1]["id"] if items else None,
        "has_more": more,
    }
