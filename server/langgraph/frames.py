"""From the events of a run to the parts of LangGraph's stream: a fold, so that a reader who comes back gets the rest.

Nothing is kept for it but the events: `values` and `checkpoints` are read from the checkpoint that an event names.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Any

from server.langgraph.message_ids import answer_id
from server.langgraph.messages import chunk, to_langchain
from server.langgraph.run_outcome import error_of, final_values
from server.langgraph.values import state_of, values_of

if TYPE_CHECKING:
    from server.langgraph.snapshots import Snapshot

Frame = tuple[str, str]
"""The name of the part, and its data as JSON."""
Load = Callable[[str | None], Awaitable["Snapshot | None"]]
"""The state of a checkpoint; None: of the thread's latest."""


class Frames:
    """The parts that a run's events are, in the modes that a reader asked for."""

    def __init__(self, about: dict[str, Any], modes: Collection[str], load: Load, *, subgraphs: bool = False) -> None:
        """`about`: run_id, thread_id, assistant_id and graph_id, for the metadata of messages."""
        self._about = about
        self._modes = frozenset(modes)
        self._load = load
        self._subgraphs = subgraphs
        self._answer = answer_id(about["run_id"])
        self._checkpoint: str | None = None
        self._told = False
        """Whether some values have been sent."""
        self._tasks: dict[str, str] = {}
        """The execution of each step that began last, by its name."""
        self._said: dict[str, str] = {}
        """The answer so far, by the step's execution; in the order of their first piece."""

    async def of(self, type: str, text: str, *, sent: bool = False) -> list[Frame]:
        """The parts of one event, given as its JSON. `sent`: they were sent before, only take note of it."""
        event = json.loads(text)
        self._note(type, event)
        if sent:
            return []
        frames = [*self._opening(type, event)]
        if "custom" in self._modes:
            frames.append(("custom", text))
        if type == "token":
            frames += self._token(event)
        elif type == "step_finished":
            frames += self._update(event)
        elif type == "checkpointed":
            frames += await self._state(event)
        elif type.startswith("run_") and type not in ("run_started", "run_resumed"):
            frames += await self._end(type, event)
        return frames

    def _note(self, type: str, event: dict[str, Any]) -> None:
        if type == "step_started":
            self._tasks[event["node"]] = event["task_id"]
        elif type == "token" and event["channel"] == "answer":
            self._said[event["task_id"]] = self._said.get(event["task_id"], "") + event["text"]
        elif type == "run_resumed":
            for task_id in event["void"]:
                self._said.pop(task_id, None)
        elif type == "checkpointed":
            self._checkpoint = event["checkpoint_id"]
            self._told = self._told or _shows(event)

    def _opening(self, type: str, event: dict[str, Any]) -> list[Frame]:
        if type not in ("run_started", "run_resumed"):
            return []
        return [_frame("metadata", {"run_id": event["run_id"], "attempt": event.get("attempt", 1)})]

    def _token(self, event: dict[str, Any]) -> list[Frame]:
        thought = event["channel"] == "reasoning"
        frames = []
        if "messages-tuple" in self._modes:
            piece = chunk(event["text"], self._answer, reasoning=thought)
            frames.append(_frame("messages", [piece, self._metadata(event)]))
        if "messages" in self._modes and not thought:
            if self._said[event["task_id"]] == event["text"]:
                frames.append(_frame("messages/metadata", {self._answer: {"metadata": self._metadata(event)}}))
            frames.append(_frame("messages/partial", [self._message("".join(self._said.values()))]))
        return frames

    def _metadata(self, event: dict[str, Any]) -> dict[str, Any]:
        return {**self._about, "langgraph_node": event["node"], "langgraph_task_id": event["task_id"], "tags": []}

    def _message(self, text: str) -> dict[str, Any]:
        from backends.base import Message

        return to_langchain(self._answer, Message(role="assistant", content=text))

    def _update(self, event: dict[str, Any]) -> list[Frame]:
        *outer, name = event["node"].split("/")
        if "updates" not in self._modes or (outer and not self._subgraphs):
            return []
        paths = ["/".join(outer[: n + 1]) for n in range(len(outer))]
        within = [f"{path.rpartition('/')[2]}:{self._tasks.get(path, '')}" for path in paths]
        return [_frame("|".join(("updates", *within)), {name: event["update"]})]

    async def _state(self, event: dict[str, Any]) -> list[Frame]:
        if not _shows(event) or not {"values", "checkpoints"} & self._modes:
            return []
        found = await self._load(event["checkpoint_id"])
        if found is None:
            return []
        frames = []
        if "checkpoints" in self._modes:
            frames.append(_frame("checkpoints", _checkpoint(found)))
        if "values" in self._modes:
            frames.append(_frame("values", values_of(found)))
        return frames

    async def _end(self, type: str, event: dict[str, Any]) -> list[Frame]:
        frames = []
        if "messages" in self._modes and event["answer"]:
            frames.append(_frame("messages/complete", [self._message(event["answer"])]))
        if type == "run_failed":
            return [*frames, _frame("error", error_of(event))]
        if type == "run_interrupted" and "updates" in self._modes:
            frames.append(_frame("updates", {"__interrupt__": event["questions"]}))
        early = type != "run_finished"
        if "values" in self._modes and (early or not self._told):
            values = await final_values(event, await self._load(self._checkpoint), self._about["run_id"])
            frames.append(_frame("values", values))
        return frames


def _shows(event: dict[str, Any]) -> bool:
    """Not the state before the question is in it, which LangGraph does not show either."""
    return bool(event["next"] != ["__start__"])


def _checkpoint(found: Snapshot) -> dict[str, Any]:
    """As it was when it was stored: none of the steps to come had begun."""
    state, snapshot = state_of(found), found.state
    parent = snapshot.parent_config
    steps = [{"id": task["id"], "name": task["name"], "interrupts": [], "state": None} for task in state["tasks"]]
    about = {"config": dict(snapshot.config), "parent_config": dict(parent) if parent else None}
    return {**state, **about, "tasks": steps, "interrupts": []}


def _frame(event: str, data: Any) -> Frame:
    return event, json.dumps(data, ensure_ascii=False, separators=(",", ":"))
