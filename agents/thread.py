"""The conversation that a run belongs to, as its checkpoints keep it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from agents.state_update import read_update
from backends.base import Message

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.types import Command

    from agents.pipeline import Pipeline

    Graph = CompiledStateGraph[Any, Any, Any, Any]


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a run stands: on which thread, from which checkpoint on, and how its steps are kept."""

    graph: Graph
    """The pipeline's, compiled with the checkpointer."""
    thread_id: str
    checkpoint_id: str | None = None
    """None: the thread's latest."""
    durability: Literal["sync", "async", "exit"] = "sync"
    """`sync`: a step begins when the one before is stored, so that ids of steps hold through a crash. `exit`: only the
    end is stored, for runs that nobody comes back for."""
    command: Command[Any] | None = None
    """Instead of a question: an answer to what the thread waits for, a change of its state, a jump to a step."""
    continues: bool = False
    """Instead of a question: go on from the checkpoint with the steps that it says are next."""
    interrupt_before: tuple[str, ...] = ()
    interrupt_after: tuple[str, ...] = ()
    settling: dict[str, Callable[[str], Awaitable[None]]] = field(default_factory=dict)
    """By run id: what the checkpointer waits for before it stores something of the run."""


def turns(values: Mapping[str, Any]) -> list[Message]:
    """The messages of a thread up to and with its last answer; a question without an answer is no turn."""
    history = list(values.get("whole_history") or values.get("history") or ())
    if values.get("question") and values.get("answer"):
        history.append(Message(role="user", content=values["question"]))
        history.append(Message(role="assistant", content=values["answer"]))
    return history


def config_of(thread_id: str, checkpoint_id: str | None = None) -> RunnableConfig:
    chosen = {"checkpoint_id": checkpoint_id} if checkpoint_id else {}
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": "", **chosen}}


async def begin_turn(place: Place) -> list[Message] | None:
    """Begin a turn on the thread; returns the messages of the turns before, None if there were none.

    It begins at a checkpoint that holds the messages so far and nothing else: what a pipeline noted for itself in the
    turn before, or what another pipeline did, is no part of the conversation.
    """
    found = await place.graph.aget_state(config_of(place.thread_id, place.checkpoint_id))
    if found.created_at is None:
        return None
    before, step = turns(found.values), (found.metadata or {}).get("step", 0) + 1
    await _put(place.graph, found.config, {"history": before}, {"source": "fork", "step": step})
    return before


async def keep_history(graph: Graph, thread_id: str, messages: list[Message], step: int) -> None:
    """Store turns as if a new thread had had them, in so many steps."""
    await _put(graph, config_of(thread_id), {"history": messages}, {"source": "fork", "step": step})


async def keep_turn(graph: Graph, thread_id: str, values: Mapping[str, Any], run_id: str) -> None:
    """Store the outcome of a run that no checkpointer followed, as the first turn of a new thread."""
    await _put(graph, config_of(thread_id), values, {"source": "update", "step": 0, "run_id": run_id})


async def _put(graph: Graph, parent: RunnableConfig, values: Mapping[str, Any], about: dict[str, Any]) -> None:
    """Store a checkpoint with these values and no steps to come."""
    from langgraph.checkpoint.base import empty_checkpoint
    from langgraph.checkpoint.base.id import uuid6

    saver: Any = graph.checkpointer
    versions = {name: saver.get_next_version(None, None) for name in values}
    page = {
        **empty_checkpoint(),
        "id": str(uuid6(clock_seq=about["step"])),
        "channel_values": dict(values),
        "channel_versions": versions,
    }
    await saver.aput(parent, page, {"parents": {}, **about}, versions)


async def has_begun(place: Place, run_id: str) -> bool:
    """Whether the thread's latest checkpoint is of this run."""
    found = await place.graph.aget_state(config_of(place.thread_id))
    return (found.metadata or {}).get("run_id") == run_id


def command_of(given: dict[str, Any], pipeline: Pipeline) -> Command[Any]:
    """LangGraph's command of its JSON form: `goto` is a step, `{node, input}`, or a list of these. Raises BadUpdate."""
    from langgraph.types import Command, Send

    goto, update = given.get("goto") or [], given.get("update")
    steps = [Send(to["node"], to["input"]) if isinstance(to, dict) else to for to in _listed(goto)]
    typed = read_update(pipeline, update) if update is not None else None
    return Command(update=typed, resume=given.get("resume"), goto=steps)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
