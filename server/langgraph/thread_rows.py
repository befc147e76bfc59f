"""Threads found, and shown as LangGraph's clients see them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from server.errors import ApiError
from server.langgraph.messages import invalid
from server.langgraph.route import contains, selected, timestamp
from server.langgraph.snapshots import snapshot
from server.langgraph.thread_schema import ThreadCount, ThreadSearch
from server.langgraph.values import interrupt_of, values_of
from server.storage import threads

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from server.services import Services

FROM_STATE = frozenset({"values", "interrupts"})
MOST_LOOKED_INTO = 1_000
"""States that a search by `values` reads: each costs a few milliseconds."""
PLACE = re.compile(r"\.?([^.\[\]]+)|\[(-?\d{1,9})\]")


async def thread_of(services: Services, tenant: str, thread_id: str) -> Row[Any]:
    """With its status. Raises ApiError."""
    wanted = thread_id.lower()
    row = await services.database.read(lambda db: threads.with_status(db, tenant, wanted))
    if row is None:
        raise ApiError(404, f"No thread with id {thread_id!r}.", param="thread_id", code="thread_not_found")
    return row


async def shown(services: Services, row: Row[Any], names: Sequence[str] | None = None) -> dict[str, Any]:
    """`names`: the fields that are wanted; reading the state can be spared where none of them needs it."""
    about: dict[str, Any] = {
        "thread_id": row.id,
        "created_at": timestamp(row.created_at),
        "updated_at": timestamp(row.updated_at),
        "state_updated_at": timestamp(row.updated_at),
        "metadata": row.metadata,
        "config": {},
        "context": {},
        "status": row.status,
        "values": None,
        "interrupts": {},
    }
    if not names or FROM_STATE & set(names):
        found = await snapshot(services, row.id, pipeline=row.metadata.get("graph_id"))
        if found.exists:
            about["values"] = values_of(found)
        about["interrupts"] = {
            task.id: [interrupt_of(asked) for asked in task.interrupts] for task in found.state.tasks if task.interrupts
        }
    return selected(about, names)


async def found_threads(services: Services, tenant: str, body: ThreadSearch) -> tuple[list[dict[str, Any]], bool]:
    """One page, and whether more follow."""
    paths = {alias: _path(alias, text) for alias, text in (body.extract or {}).items()}
    rows = await _matching(services, tenant, body, body.offset, body.limit + 1)
    names = [*(body.select or ())]
    page = []
    for row in rows[: body.limit]:
        whole = await shown(services, row, [*names, "values"] if paths and names else names)
        one = selected(whole, names)
        if paths:
            one = {**one, "extracted": {alias: _at(whole, path) for alias, path in paths.items()}}
        page.append(one)
    return page, len(rows) > body.limit


async def counted(services: Services, tenant: str, body: ThreadCount) -> int:
    return len(await _matching(services, tenant, body, 0, None))


async def _matching(
    services: Services, tenant: str, body: ThreadCount, offset: int, limit: int | None
) -> list[Row[Any]]:
    stop = None if limit is None else offset + limit

    def read(db: Connection) -> list[Row[Any]]:
        rows = _rows(db, tenant, body)
        return list(islice(rows, MOST_LOOKED_INTO + 1)) if body.values else list(islice(rows, offset, stop))

    rows = await services.database.read(read)
    if not body.values:
        return rows
    if len(rows) > MOST_LOOKED_INTO:
        message = f"'values' would have to look into more than {MOST_LOOKED_INTO} threads; narrow it by 'metadata'."
        raise ApiError(422, message, param="values", code="too_many_threads")
    kept = []
    for row in rows:
        found = (await shown(services, row, ["values"]))["values"]
        if contains(found or {}, body.values):
            kept.append(row)
    return kept[offset:stop]


def _rows(db: Connection, tenant: str, body: ThreadCount) -> Iterator[Row[Any]]:
    about = body if isinstance(body, ThreadSearch) else ThreadSearch()
    by = {"thread_id": "id", "state_updated_at": "updated_at"}.get(about.sort_by or "", about.sort_by or "created_at")
    wanted = body.metadata or {}
    rows = threads.each_thread(
        db,
        tenant,
        texts={key: value for key, value in wanted.items() if isinstance(value, str)},
        ids=about.ids,
        wanted=body.status,
        by=by,
        descending=about.sort_order != "asc",
    )
    # The database has compared the texts; what is nested, or no text, is compared here.
    return (row for row in rows if contains(row.metadata, wanted))


def _path(alias: str, text: str) -> list[str | int]:
    """`values.messages[-1].content` as its parts. Raises ApiError."""
    found = list(PLACE.finditer(text))
    if not found or "".join(part.group() for part in found) != text:
        raise invalid(f"extract.{alias}", f"is {text[:100]!r}; a path reads 'values.messages[-1].content'")
    return [part[1] if part[1] is not None else int(part[2]) for part in found]


def _at(value: Any, path: Sequence[str | int]) -> Any:
    for part in path:
        if isinstance(part, str) and isinstance(value, dict):
            value = value.get(part)
        elif isinstance(part, int) and isinstance(value, list) and -len(value) <= part < len(value):
            value = value[part]
        else:
            return None
    return value
