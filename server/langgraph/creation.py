"""A run made: its thread found or made, what else runs there dealt with, its order handed to the queue."""

from __future__ import annotations

from fastapi import Request

from server.errors import ApiError
from server.ids import new_uuid
from server.langgraph.orders import Asked, make_order
from server.langgraph.removal import remove_runs, stop_runs
from server.langgraph.route import Uuid
from server.langgraph.run_schema import RunCreate, ThreadRunCreate
from server.runs.order import Order
from server.runs.runs import AnsweredAlready
from server.services import Services, services_of, tenant_of
from server.storage import runs, threads


async def begin(request: Request, thread_id: str | None, body: RunCreate) -> Order:
    """Queue a run on a thread, or on a new one of its own. Raises ApiError."""
    services, tenant = services_of(request), tenant_of(request)
    strategy = "enqueue"
    if isinstance(body, ThreadRunCreate) and thread_id is not None:
        thread_id = await _thread(services, tenant, thread_id, body)
        strategy = body.multitask_strategy or "enqueue"
        if strategy in ("interrupt", "rollback"):
            await make_order(Asked(request, thread_id, body))  # Nothing is stopped for a wrong request.
            await _clear(services, tenant, thread_id, strategy)
    asked = Asked(request, thread_id or new_uuid(), body)
    order = await make_order(asked)
    await services.database.write(lambda db: threads.add_thread(db, tenant, order.thread_id, {}))
    if strategy == "reject" and services.turns.taken(order.thread_id):
        message = f"The thread {thread_id!r} is busy, and 'multitask_strategy' is 'reject'."
        raise ApiError(409, message, param="multitask_strategy", code="thread_busy")
    await _submit(services, order)
    if thread_id is not None:
        about = {"assistant_id": order.request["assistant_id"], "graph_id": order.pipeline.name}
        await services.database.write(lambda db: threads.note(db, tenant, order.thread_id, about))
    return order


async def _submit(services: Services, order: Order) -> None:
    """Raises ApiError if the run answers a question that has been answered already, or the service is full."""
    asked = order.resumes if order.start.checkpoint_id is None else None
    try:
        await services.runs.submit(order, answers=asked)
    except AnsweredAlready:
        message = f"The run {asked!r} has been answered already."
        raise ApiError(409, message, param="command.resume", code="run_not_waiting") from None


async def _thread(services: Services, tenant: str, thread_id: str, body: ThreadRunCreate) -> str:
    """The id of the thread as it is stored, or will be. Raises ApiError."""
    from pydantic import TypeAdapter, ValidationError

    wanted = thread_id.lower()
    if await services.database.read(lambda db: threads.get_thread(db, tenant, wanted)) is not None:
        return wanted
    if body.if_not_exists != "create":
        message = f"No thread with id {thread_id!r}; `if_not_exists: create` makes it."
        raise ApiError(404, message, param="thread_id", code="thread_not_found")
    try:
        wanted = TypeAdapter(Uuid).validate_python(thread_id)
    except ValidationError:
        message = f"Invalid value for 'thread_id': {thread_id[:50]!r} is no UUID."
        raise ApiError(422, message, param="thread_id", code="invalid_value") from None
    if await services.database.read(lambda db: threads.exists_anywhere(db, wanted)):
        raise ApiError(409, f"The id {thread_id!r} is taken.", param="thread_id", code="thread_exists")
    return wanted


async def _clear(services: Services, tenant: str, thread_id: str, strategy: str) -> None:
    found = await services.database.read(lambda db: runs.under_way(db, tenant, thread_id))
    await stop_runs(services, found)
    if strategy == "rollback":
        await remove_runs(services, found)
