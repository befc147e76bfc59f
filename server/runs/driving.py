"""One attempt at a run: its parts put together, its events handed to the log as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy.exc import OperationalError

from agents.events import End, Event, RunCancelled, RunFailed, RunFinished, RunInterrupted, RunLimited
from server.errors import from_exception
from server.persona_memories import memory_of
from server.tool_context import tool_context

if TYPE_CHECKING:
    from langgraph.runtime import RunControl

    from agents.past import Past
    from agents.thread import Place
    from server.runs.order import Order
    from server.services import Services

Ended: TypeAlias = RunFinished | RunFailed | RunCancelled | RunLimited | RunInterrupted
"""The last event of a run."""
STATUS = {
    "run_finished": "success",
    "run_failed": "error",
    "run_cancelled": "cancelled",
    "run_limited": "limited",
    "run_interrupted": "waiting",
}


async def drive(
    services: Services,
    order: Order,
    *,
    durable: bool,
    past: Past | None = None,
    stop: asyncio.Event | None = None,
    control: RunControl | None = None,
) -> AsyncGenerator[Event, None]:
    """Run the order's pipeline and yield what happens. `services.events` has each event by then but for the last one,
    which whoever drives stores together with the end of the run."""
    from agents.run import Deps
    from agents.stream import stream
    from server.experts import equipment

    collection = order.collection
    deps = Deps(
        backend=services.backends.for_run(order.backend, order.tenant),
        retriever=collection,
        options=order.options,
        sampling=order.sampling,
        limits=order.limits,
        prices=services.settings.prices,
        tools=services.tools,
        reach=tool_context(services, order.tenant, order.thread_id),
        memory=memory_of(services, order.tenant, order.thread_id),
        collection=collection.id if collection else None,
        generation=collection.generation_id if collection else None,
        equipment=await equipment(services, order.tenant, order.options),
        settle=(lambda: _settle(services)) if durable else None,
    )
    place = await place_of(services, order, durable=durable)
    told = stream(
        order.pipeline,
        order.input,
        deps,
        run_id=order.run_id,
        place=place,
        past=past,
        stop=stop,
        control=control,
    )
    async with aclosing(told) as events:
        async for event in events:
            if not isinstance(event, End):
                services.events.append(event)
            yield event


async def keep(services: Services, order: Order, end: RunFinished) -> None:
    """Store the turn of a run whose steps were not kept, as its thread's first: the client may go on with it."""
    from agents.thread import keep_turn

    values = {
        "question": order.input.question,
        "history": list(order.input.history),
        "answer": end.answer,
        "citations": list(end.citations),
    }
    graph = await services.checkpoints.graph(order.pipeline)
    await keep_turn(graph, order.thread_id, values, order.run_id)


async def _settle(services: Services) -> None:
    """Raises NotStored."""
    from agents.errors import NotStored

    try:
        await services.events.flush()
    except OperationalError as error:
        raise NotStored(f"the trace cannot be stored: {from_exception(error).message}") from error


def keeps_steps(order: Order) -> bool:
    """Whether a foreground run needs a checkpointer: it may stop to ask, or its thread has turns before it."""
    return order.pipeline.asks or order.continues_thread


async def place_of(services: Services, order: Order, *, durable: bool) -> Place | None:
    """Where the run's steps are kept; None: nowhere, since nobody will come back for them."""
    from agents.thread import Place, command_of

    if not (durable or keeps_steps(order)):
        return None
    start = order.start
    return Place(
        graph=await services.checkpoints.graph(order.pipeline),
        thread_id=order.thread_id,
        checkpoint_id=start.checkpoint_id,
        durability="sync" if durable else "exit",
        command=command_of(start.command, order.pipeline) if start.command is not None else None,
        continues=start.continues,
        interrupt_before=start.interrupt_before,
        interrupt_after=start.interrupt_after,
        settling=services.checkpoints.settling,
    )
