"""GET /v1/runs/{id}/events: the typed trace of a run, as JSON or as a stream that follows it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from server import sse
from server.errors import bad_request, not_found
from server.services import services_of, tenant_of
from server.storage import runs

router = APIRouter(tags=["runs"])


LONGEST = 15
LARGEST = 10**LONGEST - 1
"""No run has so many events; SQLite takes no more than 63 bits."""


class EventsQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")
    after: Annotated[int, Field(ge=0, le=LARGEST)] = 0
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1_000


@router.get("/v1/runs/{run_id}/events")
async def run_events(request: Request, run_id: str, query: Annotated[EventsQuery, Query()]) -> Response:
    """JSON, or SSE with `Accept: text/event-stream`, which goes on until the run ends; `Last-Event-ID` is `after`."""
    services = services_of(request)
    row = await services.database.read(lambda db: runs.get_run(db, tenant_of(request), run_id))
    if row is None:
        raise not_found("run", run_id, "run_id")
    if "text/event-stream" in request.headers.get("accept", ""):
        after = request.headers.get("last-event-id", str(query.after))
        if not (after.isascii() and after.isdigit() and len(after) <= LONGEST):
            raise bad_request(
                f"Last-Event-ID is {after!r}; it must be the number of an event.", "Last-Event-ID", "invalid_value"
            )
        return sse.response(_follow(services.events.follow(run_id, int(after))))
    page = await services.database.read(lambda db: runs.read_events(db, run_id, query.after, query.limit + 1))
    kept = page[: query.limit]
    head = json.dumps({"object": "list", "run_id": run_id, "status": row.status, "has_more": len(page) > query.limit})
    # The events are JSON already: a page of thousands is joined, not read and written again.
    body = f'{head[:-1]}, "data": [{",".join(data for _, _, data in kept)}]}}'
    return Response(body, media_type="application/json")


async def _follow(events: AsyncIterator[tuple[int, str, str]]) -> AsyncGenerator[str, None]:
    async for seq, type, data in events:
        yield sse.event(seq, type, data)
