"""/threads: conversations, each with its state, its history and its runs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from server.errors import ApiError
from server.ids import new_uuid
from server.langgraph.removal import remove_thread
from server.langgraph.route import LangGraphRoute, not_supported
from server.langgraph.state_changes import change_state
from server.langgraph.thread_rows import counted, found_threads, shown, thread_of
from server.langgraph.thread_schema import (
    ThreadCount,
    ThreadCreate,
    ThreadPatch,
    ThreadPrune,
    ThreadQuery,
    ThreadSearch,
)
from server.services import services_of, tenant_of
from server.storage import threads

router = APIRouter(tags=["threads"], route_class=LangGraphRoute)


@router.post("/threads")
async def create_thread(request: Request, body: ThreadCreate) -> dict[str, Any]:
    services, tenant = services_of(request), tenant_of(request)
    _no_ttl(body.ttl)
    thread_id = body.thread_id or new_uuid()
    made = await services.database.write(lambda db: threads.add_thread(db, tenant, thread_id, body.metadata or {}))
    known = await services.database.read(lambda db: threads.get_thread(db, tenant, thread_id))
    if known is None or (not made and body.if_exists != "do_nothing"):
        way_out = "" if known is None else " `if_exists: do_nothing` returns it."
        message = f"There is a thread {thread_id!r} already.{way_out}"
        raise ApiError(409, message, param="thread_id", code="thread_exists")
    if made:
        try:
            for number, step in enumerate(body.supersteps or ()):
                await change_state(services, known, step.updates, where=f"supersteps[{number}].updates")
        except ApiError:
            await remove_thread(services, tenant, thread_id)
            raise
    return await _one(request, thread_id)


@router.post("/threads/search")
async def search_threads(request: Request, body: ThreadSearch) -> JSONResponse:
    """Newest first, unless told otherwise."""
    page, more = await found_threads(services_of(request), tenant_of(request), body)
    headers = {"x-pagination-next": str(body.offset + body.limit)} if more else {}
    return JSONResponse(page, headers=headers)


@router.post("/threads/count")
async def count_threads(request: Request, body: ThreadCount) -> int:
    return await counted(services_of(request), tenant_of(request), body)


@router.post("/threads/prune")
async def prune_threads(request: Request, body: ThreadPrune) -> dict[str, int]:
    """Delete threads, or all of their states but the latest."""
    services, tenant, pruned = services_of(request), tenant_of(request), 0
    for thread_id in dict.fromkeys(body.thread_ids):
        if await services.database.read(lambda db: threads.get_thread(db, tenant, thread_id)) is None:  # noqa: B023
            continue
        pruned += 1
        if body.strategy == "delete":
            await remove_thread(services, tenant, thread_id)
        elif services.turns.taken(thread_id):
            raise ApiError(409, f"The thread {thread_id!r} is busy.", param="thread_ids", code="thread_busy")
        else:
            await services.checkpoints.keep_latest(thread_id)
    return {"pruned_count": pruned}


@router.get("/threads/{thread_id}")
async def get_thread(request: Request, thread_id: str, query: Annotated[ThreadQuery, Query()]) -> dict[str, Any]:
    return await _one(request, thread_id)


@router.patch(
    "/threads/{thread_id}", response_model=None, responses={204: {"description": "Nothing more was asked for."}}
)
async def update_thread(request: Request, thread_id: str, body: ThreadPatch) -> dict[str, Any] | Response:
    services, tenant = services_of(request), tenant_of(request)
    _no_ttl(body.ttl)
    row = await thread_of(services, tenant, thread_id)
    await services.database.write(lambda db: threads.note(db, tenant, row.id, body.metadata or {}))
    if "return=minimal" in request.headers.get("prefer", ""):
        return Response(status_code=204)
    return await _one(request, row.id)


@router.delete("/threads/{thread_id}", status_code=204)
async def delete_thread(request: Request, thread_id: str) -> Response:
    """With its runs, their traces and its states; runs under way are cancelled."""
    services, tenant = services_of(request), tenant_of(request)
    row = await thread_of(services, tenant, thread_id)
    await remove_thread(services, tenant, row.id)
    return Response(status_code=204)


@router.post("/threads/{thread_id}/copy")
async def copy_thread(request: Request, thread_id: str) -> dict[str, Any]:
    """A thread with the same metadata and states; the runs stay with the old one."""
    services, tenant = services_of(request), tenant_of(request)
    row = await thread_of(services, tenant, thread_id)
    copied = new_uuid()
    await services.checkpoints.copy(row.id, copied)
    await services.database.write(lambda db: threads.add_thread(db, tenant, copied, row.metadata))
    return await _one(request, copied)


async def _one(request: Request, thread_id: str) -> dict[str, Any]:
    services = services_of(request)
    return await shown(services, await thread_of(services, tenant_of(request), thread_id))


def _no_ttl(ttl: Any) -> None:
    if ttl is not None:
        raise not_supported("A time to live", "ttl", "delete the thread, or prune it, when you no longer need it")
