"""OpenAI's cursor pages: `limit`, `order`, `after`, `before`; the cursor is the id of an object in the list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Select, and_, or_

from server.errors import bad_request

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row


class PageQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    limit: Annotated[int, Field(ge=1, le=100)] = 20
    order: Literal["asc", "desc"] = "desc"
    after: str | None = None
    before: str | None = None


class LongPageQuery(PageQuery):
    limit: Annotated[int, Field(ge=1, le=10_000)] = 10_000


def fetch(
    db: Connection, query: Select[Any], page: PageQuery, at: ColumnElement[Any], id: ColumnElement[Any]
) -> tuple[Sequence[Row[Any]], bool]:
    """One page of `query`, ordered by (`at`, `id`), and whether more follow. Raises ApiError for an unknown cursor."""
    descending = page.order == "desc"
    backwards = page.before is not None and page.after is None
    for name, cursor, later in (("after", page.after, not descending), ("before", page.before, descending)):
        if cursor is None:
            continue
        place = db.execute(query.with_only_columns(at, id).where(id == cursor)).one_or_none()
        if place is None:
            raise bad_request(f"{name!r} is {cursor!r}, which is not in this list.", name, "unknown_cursor")
        beyond = (at > place[0], id > place[1]) if later else (at < place[0], id < place[1])
        query = query.where(or_(beyond[0], and_(at == place[0], beyond[1])))
    # A page before a cursor is read away from it and turned round, so that it is the nearest one.
    reverse = descending != backwards
    rows = db.execute(query.order_by(*((at.desc(), id.desc()) if reverse else (at, id))).limit(page.limit + 1)).all()
    more = len(rows) > page.limit
    kept = rows[: page.limit]
    return (kept[::-1] if backwards else kept), more


def page_object(rows: Sequence[Any], more: bool, make: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    data = [make(row) for row in rows]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": more,
    }
