"""/threads/{id}/state and /history: the states that a thread went through, read and changed."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from server.errors import ApiError
from server.langgraph.message_ids import names_of
from server.langgraph.messages import invalid
from server.langgraph.route import LangGraphRoute, contains
from server.langgraph.run_schema import Checkpoint
from server.langgraph.snapshots import snapshot
from server.langgraph.state_changes import change_state
from server.langgraph.state_schema import History, HistoryQuery, StateAt, StateQuery, StateUpdate
from server.langgraph.thread_rows import thread_of
from server.langgraph.thread_schema import Update
from server.langgraph.values import checkpoint_of, state_of
from server.services import services_of, tenant_of

router = APIRouter(tags=["threads"], route_class=LangGraphRoute)


@router.get("/threads/{thread_id}/state")
async def get_state(request: Request, thread_id: str, query: Annotated[StateQuery, Query()]) -> dict[str, Any]:
    return await _state(request, thread_id, None, subgraphs=query.subgraphs, select=query.select)


@router.get("/threads/{thread_id}/state/{checkpoint_id}")
async def get_state_at(
    request: Request, thread_id: str, checkpoint_id: str, query: Annotated[StateQuery, Query()]
) -> dict[str, Any]:
    return await _state(request, thread_id, checkpoint_id, subgraphs=query.subgraphs, select=query.select)


@router.post("/threads/{thread_id}/state/checkpoint")
async def post_state_at(request: Request, thread_id: str, body: StateAt) -> dict[str, Any]:
    checkpoint_id = _id_of(body.checkpoint, "checkpoint")
    return await _state(request, thread_id, checkpoint_id, subgraphs=body.subgraphs, select=body.select)


@router.post("/threads/{thread_id}/state")
async def update_state(request: Request, thread_id: str, body: StateUpdate) -> dict[str, Any]:
    """A new checkpoint, with the values changed as if the step `as_node` had written them."""
    services = services_of(request)
    row = await thread_of(services, tenant_of(request), thread_id)
    given = body.values if isinstance(body.values, list) else [body.values]
    if not given:
        raise invalid("values", "is an empty list")
    updates = [Update(values=_object(values), as_node=body.as_node) for values in given]
    checkpoint_id = _id_of(body.checkpoint, "checkpoint") if body.checkpoint else body.checkpoint_id
    made = await change_state(services, row, updates, where="values", checkpoint_id=checkpoint_id)
    return {"checkpoint": checkpoint_of(made), "configurable": made["configurable"]}


@router.post("/threads/{thread_id}/history")
async def post_history(request: Request, thread_id: str, body: History) -> list[dict[str, Any]]:
    before = _id_of(body.before, "before") if isinstance(body.before, Checkpoint) else body.before
    only = _id_of(body.checkpoint, "checkpoint") if body.checkpoint else None
    return await _history(request, thread_id, body, only, before)


@router.get("/threads/{thread_id}/history")
async def get_history(
    request: Request, thread_id: str, query: Annotated[HistoryQuery, Query()]
) -> list[dict[str, Any]]:
    return await _history(request, thread_id, History(limit=query.limit), None, query.before)


async def _state(
    request: Request, thread_id: str, checkpoint_id: str | None, *, subgraphs: bool, select: list[str] | None
) -> dict[str, Any]:
    services = services_of(request)
    row = await thread_of(services, tenant_of(request), thread_id)
    found = await snapshot(services, row.id, checkpoint_id, pipeline=row.metadata.get("graph_id"), subgraphs=subgraphs)
    state = state_of(found)
    return _selected(state if found.exists else {**state, "values": {}}, select)


async def _history(
    request: Request, thread_id: str, body: History, only: str | None, before: str | None
) -> list[dict[str, Any]]:
    services = services_of(request)
    row = await thread_of(services, tenant_of(request), thread_id)
    wanted = body.metadata or {}
    listed = await services.checkpoints.listed(row.id, only=only, before=before, limit=-1 if wanted else body.limit)
    ids = [id for id, about in listed if contains(about, wanted)][: body.limit]
    names = await names_of(services, row.id)
    found = [await snapshot(services, row.id, id, names=names) for id in ids]
    return [_selected(state_of(one), body.select) for one in found]


def _selected(state: dict[str, Any], names: list[str] | None) -> dict[str, Any]:
    """Some fields of a state; of its values all, or those that are named (`values.messages`)."""
    if not names:
        return state
    kept = {name: state[name] for name in names if "." not in name}
    keys = {name.partition(".")[2] for name in names if name.startswith("values.")}
    if keys and "values" not in kept:
        kept["values"] = {key: value for key, value in state["values"].items() if key in keys}
    return kept


def _id_of(checkpoint: Checkpoint, where: str) -> str | None:
    if checkpoint.checkpoint_ns:
        message = f"States inside a step are read with `subgraphs`: leave '{where}.checkpoint_ns' empty."
        raise ApiError(422, message, param=f"{where}.checkpoint_ns", code="invalid_value")
    return checkpoint.checkpoint_id


def _object(values: Any) -> Any:
    if values is not None and not isinstance(values, dict):
        raise invalid("values", "must be an object, or a list of objects")
    return values
