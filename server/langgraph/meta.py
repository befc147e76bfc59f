"""What the server is, and by name what of LangGraph's API there is not."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from server.langgraph.route import LangGraphRoute, not_supported

router = APIRouter(tags=["langgraph"], route_class=LangGraphRoute)
VERSION = "0.1.0"
NOT_HERE = {
    "/runs/crons": "A schedule of runs",
    "/runs/crons/{rest:path}": "A schedule of runs",
    "/threads/{thread_id}/runs/crons": "A schedule of runs",
    "/threads/{thread_id}/stream": "A stream over all runs of a thread",
    "/threads/{thread_id}/stream/events": "The event protocol, version 3",
    "/threads/{thread_id}/commands": "The event protocol, version 3",
    "/threads/{thread_id}/storage": "The size of a thread",
    "/a2a/{assistant_id}": "The agent-to-agent protocol",
}
WAYS_OUT = {
    "A stream over all runs of a thread": "stream each run by /threads/{thread_id}/runs/{run_id}/stream",
    "The event protocol, version 3": "use /runs/stream",
}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@router.get("/info")
async def info() -> dict[str, Any]:
    flags = {"assistants": True, "crons": False, "langsmith": False, "langsmith_tracing_replicas": False}
    return {"version": VERSION, "name": "sandtable", "flags": flags, "metadata": {}}


@router.get("/ok")
async def ok() -> dict[str, bool]:
    return {"ok": True}


async def refuse(request: Request) -> None:
    path = request.scope["route"].path
    what = NOT_HERE[path]
    raise not_supported(what, path, WAYS_OUT.get(what, ""))


for _path in NOT_HERE:
    router.add_api_route(_path, refuse, methods=METHODS, include_in_schema=False, response_model=None)
