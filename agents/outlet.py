"""The way of an event from a node to whoever reads the run: in order, at once, from nested graphs too.

LangGraph's own stream keeps the order among steps and nested graphs, but a piece on it costs about 100 microseconds of
CPU (langgraph 1.2, against 30 for a queue), which tokens of many runs feel. So an event takes that long way only while
something is still on it, or while the start of its own step is; else it goes straight into the queue.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pydantic_core import to_jsonable_python

from agents.errors import NotStored
from agents.events import Checkpointed, Event, StepFinished, StepStarted
from agents.fact import Fact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

UNTOLD_SECONDS = 1.0
"""How long the end of a step is waited for."""
MOST_WAITING = 1_000
"""Events that wait for a reader; a model that writes faster than anybody reads would fill the memory with them."""


class Outlet:
    """Events carry seq 0 here: they are numbered where they leave, in the order of leaving."""

    def __init__(self, run_id: str, stored: Iterable[str] = ()) -> None:
        """`stored`: ids of checkpoints that the trace has already."""
        self.queue: asyncio.Queue[Event | None] = asyncio.Queue()
        """None: no more."""
        self.run_id = run_id
        self._on_the_way: deque[Event] = deque()
        self._way_is_free = asyncio.Event()
        self._way_is_free.set()
        self._started: set[str] = set()
        self._unfinished: set[str] = set()
        """`task_id` of the steps under way."""
        self._untaken = 0
        self._moved = asyncio.Event()
        self._abandoned = False
        self._step_ended = asyncio.Event()
        self._stored = set(stored)

    def make(self, kind: type[Event], step: str = "", /, **fields: Any) -> Event:
        """`step`: LangGraph's name of the step's execution, `outer:id|inner:id`."""
        about = {"node": _name(step), "task_id": _task(step), **fields}
        return kind(seq=0, at=datetime.now(UTC), run_id=self.run_id, **about)

    def emit(self, kind: type[Event], **fields: Any) -> None:
        """Send an event of the node that is running. To be called inside a node only."""
        from langgraph.config import get_stream_writer

        step = _running()
        event = self.make(kind, step, **fields)
        if step in self._started and not self._on_the_way:
            self.send(event)
        else:
            self._on_the_way.append(event)
            self._way_is_free.clear()
            get_stream_writer()(event)

    def task_id(self) -> str:
        """Of the step that is running: the same when it runs again after a crash."""
        return running_task()

    def question_id(self) -> str:
        """The id that LangGraph gives to an interrupt of the step that is running."""
        from langgraph.config import get_config
        from langgraph.types import Interrupt

        return Interrupt.from_ns(None, get_config()["configurable"]["checkpoint_ns"]).id

    async def room(self) -> None:
        """Wait while the reader is far behind."""
        if self.queue.qsize() >= MOST_WAITING:
            await self._all_taken()

    def taken(self) -> None:
        """The reader is done with one event."""
        self._untaken -= 1
        if not self._untaken:
            self._moved.set()

    def abandon(self) -> None:
        """There is no reader any more: nothing will be taken."""
        self._abandoned = True
        self._moved.set()

    async def passed_on(self, task_id: str = "") -> None:
        """Wait until whoever reads the run has taken all events that were sent so far, and the end of the step named.

        LangGraph tells the end of a step a moment after it is decided. Raises NotStored if there is no reader any more.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(UNTOLD_SECONDS):
                while task_id in self._unfinished:
                    self._step_ended.clear()
                    await self._step_ended.wait()
        await self._way_is_free.wait()
        await self._all_taken()

    async def _all_taken(self) -> None:
        while self._untaken and not self._abandoned:
            self._moved.clear()
            await self._moved.wait()
        if self._abandoned:
            raise NotStored("the run is left by its reader: what it does now would be in no trace")

    def arrive(self, mode: str, namespace: tuple[str, ...], data: Any) -> None:
        """Take a part of LangGraph's stream, modes `custom`, `tasks` and `checkpoints`."""
        if mode == "custom":
            if isinstance(data, Fact):
                self._next()
        elif mode == "tasks":
            self._step("|".join((*namespace, f"{data['name']}:{data['id']}")), data)
        elif mode == "checkpoints" and not namespace:
            self._checkpoint(data)

    def flush(self) -> None:
        """Send what LangGraph still held when a run broke off."""
        while self._on_the_way:
            self._next()

    def send(self, event: Event) -> None:
        """Hand an event to the reader, outside of any step."""
        self._untaken += 1
        self.queue.put_nowait(event)

    def _next(self) -> None:
        self.send(self._on_the_way.popleft())
        if not self._on_the_way:
            self._way_is_free.set()

    def _step(self, step: str, data: Mapping[str, Any]) -> None:
        if "result" not in data:
            self._started.add(step)
            self._unfinished.add(data["id"])
            self.send(self.make(StepStarted, step, within=_enclosing(step)))
        elif data["error"] is None and not data["interrupts"]:
            update = to_jsonable_python(data["result"] or {}, fallback=str)
            self.send(self.make(StepFinished, step, changed=tuple(sorted(update)), update=update))
            self._unfinished.discard(data["id"])
            self._step_ended.set()

    def _checkpoint(self, data: Mapping[str, Any]) -> None:
        id = data["config"]["configurable"]["checkpoint_id"]
        if id not in self._stored:
            self._stored.add(id)
            step, next = data["metadata"]["step"], tuple(data["next"])
            self.send(self.make(Checkpointed, checkpoint_id=id, step=step, next=next))


def running_task() -> str:
    """`task_id` of the step that is running. To be called inside a node only."""
    return _task(_running())


def outer_task() -> str:
    """`task_id` of the step that the running one is nested in; empty in the outermost graph. Inside a node only."""
    return _enclosing(_running())


def _running() -> str:
    from langgraph.config import get_config

    step: str = get_config()["metadata"]["langgraph_checkpoint_ns"]
    return step


def _name(step: str) -> str:
    """`outer:id|1|inner:id` -> `outer/inner`; a bare number counts repeated calls of one graph in a node."""
    return "/".join(part.partition(":")[0] for part in step.split("|") if not part.isdigit())


def _enclosing(step: str) -> str:
    """`outer:id|1|inner:id` -> `id` of `outer`."""
    return next((_task(part) for part in reversed(step.split("|")[:-1]) if not part.isdigit()), "")


def _task(step: str) -> str:
    return step.rpartition("|")[2].partition(":")[2]
