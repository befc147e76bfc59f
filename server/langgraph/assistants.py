"""/assistants: every pipeline is one, and a user may make more, with settings of their own."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from agents import catalog
from server.errors import ApiError, not_found
from server.ids import new_uuid
from server.langgraph.assistant_schema import (
    AssistantCount,
    AssistantCreate,
    AssistantPatch,
    AssistantSearch,
    DeleteQuery,
    VersionChange,
    VersionsSearch,
)
from server.langgraph.known_assistants import Assistant, all_assistants, find_assistant, of_row
from server.langgraph.removal import remove_threads_of
from server.langgraph.route import LangGraphRoute, contains, selected
from server.langgraph.run_settings import check_settings
from server.services import services_of, tenant_of
from server.storage import assistants

router = APIRouter(tags=["assistants"], route_class=LangGraphRoute)


@router.post("/assistants")
async def create_assistant(request: Request, body: AssistantCreate) -> dict[str, Any]:
    services, tenant = services_of(request), tenant_of(request)
    fields = await _fields(request, body, None)
    assistant_id = body.assistant_id or new_uuid()
    if assistant_id in {known.id for known in await all_assistants(services, tenant) if not known.own}:
        raise ApiError(409, f"The assistant {assistant_id!r} is a pipeline's own.", param="assistant_id", code="exists")

    def add(db: Any) -> bool:
        if assistants.exists(db, assistant_id):
            return False
        assistants.add_assistant(db, tenant, assistant_id, fields)
        return True

    if not await services.database.write(add) and body.if_exists != "do_nothing":
        message = f"There is an assistant {assistant_id!r} already; `if_exists: do_nothing` returns it."
        raise ApiError(409, message, param="assistant_id", code="exists")
    return (await find_assistant(services, tenant, assistant_id)).shown()


@router.post("/assistants/search")
async def search_assistants(request: Request, body: AssistantSearch) -> JSONResponse:
    found = await _matching(request, body)
    if body.sort_by:
        found.sort(key=lambda one: one[body.sort_by or ""], reverse=body.sort_order != "asc")
    page = found[body.offset : body.offset + body.limit]
    more = body.offset + body.limit < len(found)
    headers = {"x-pagination-total": str(len(found))}
    headers |= {"x-pagination-next": str(body.offset + body.limit)} if more else {}
    return JSONResponse([selected(one, body.select) for one in page], headers=headers)


@router.post("/assistants/count")
async def count_assistants(request: Request, body: AssistantCount) -> int:
    return len(await _matching(request, body))


@router.get("/assistants/{assistant_id}")
async def get_assistant(request: Request, assistant_id: str) -> dict[str, Any]:
    return (await find_assistant(services_of(request), tenant_of(request), assistant_id)).shown()


@router.patch("/assistants/{assistant_id}")
async def update_assistant(request: Request, assistant_id: str, body: AssistantPatch) -> dict[str, Any]:
    """Makes a new version; what is not given stays as it was."""
    found = await _own(request, assistant_id)
    fields = await _fields(request, body, found)
    await services_of(request).database.write(lambda db: assistants.add_version(db, found.id, fields))
    return await get_assistant(request, found.id)


@router.delete("/assistants/{assistant_id}", status_code=204)
async def delete_assistant(request: Request, assistant_id: str, query: Annotated[DeleteQuery, Query()]) -> Response:
    found = await _own(request, assistant_id)
    if query.delete_threads:
        await remove_threads_of(services_of(request), tenant_of(request), {"assistant_id": found.id})
    await services_of(request).database.write(lambda db: assistants.remove_assistant(db, found.id))
    return Response(status_code=204)


@router.post("/assistants/{assistant_id}/versions")
async def list_versions(request: Request, assistant_id: str, body: VersionsSearch) -> list[dict[str, Any]]:
    found = await find_assistant(services_of(request), tenant_of(request), assistant_id)
    versions = [found]
    if found.own:
        rows = await services_of(request).database.read(lambda db: assistants.list_versions(db, found.id))
        versions = [of_row(row) for row in rows]
    shown = [one.shown() for one in versions if contains(one.metadata, body.metadata or {})]
    return shown[body.offset : body.offset + body.limit]


@router.post("/assistants/{assistant_id}/latest")
async def set_latest(request: Request, assistant_id: str, body: VersionChange) -> dict[str, Any]:
    found = await _own(request, assistant_id)
    used = await services_of(request).database.write(lambda db: assistants.use_version(db, found.id, body.version))
    if not used:
        raise not_found("version", str(body.version), "version")
    return await get_assistant(request, found.id)


async def _own(request: Request, assistant_id: str) -> Assistant:
    found = await find_assistant(services_of(request), tenant_of(request), assistant_id)
    if not found.own:
        message = f"The assistant {assistant_id!r} is the pipeline {found.graph_id!r} itself: make one of your own."
        raise ApiError(409, message, param="assistant_id", code="system_assistant")
    return found


async def _matching(request: Request, body: AssistantCount) -> list[dict[str, Any]]:
    found = [one.shown() for one in await all_assistants(services_of(request), tenant_of(request))]
    return [
        one
        for one in found
        if body.graph_id in (None, one["graph_id"])
        and (body.name or "").lower() in one["name"].lower()
        and contains(one["metadata"], body.metadata or {})
    ]


async def _fields(request: Request, body: AssistantCreate | AssistantPatch, before: Assistant | None) -> dict[str, Any]:
    """The columns of a version. Raises ApiError if a run with its settings could never begin."""
    graph_id = body.graph_id or (before.graph_id if before else "")
    if graph_id not in catalog.PIPELINES:
        message = f"No pipeline {graph_id!r}; there are {', '.join(catalog.PIPELINES)}."
        raise ApiError(404, message, param="graph_id", code="graph_not_found")
    given = body.config.model_dump(exclude_none=True) if body.config else before.config if before else {}
    context = body.context if body.context is not None else before.context if before else {}
    await check_settings(services_of(request), graph_id, given, context)
    about = {**(before.metadata if before else {}), **(body.metadata or {})}
    return {
        "pipeline": graph_id,
        "name": body.name or (before.name if before else "Untitled"),
        "description": body.description if body.description is not None else before.description if before else None,
        "config": given,
        "context": context,
        "metadata": about,
    }
