"""How many calls an expert has made: those heard now, and those that an attempt before a crash made in its step."""

from __future__ import annotations

from collections.abc import Iterable

from agents.events import Event, LLMCalled, StepStarted, ToolCalled
from agents.failures import LLMFailed, ToolFailed

MODEL, TOOL = (LLMCalled, LLMFailed), (ToolCalled, ToolFailed)


class Calls:
    """`told`: what the trace has already; `task_id`: of the expert's step, within which its pipeline's steps are."""

    def __init__(self, told: Iterable[Event], task_id: str) -> None:
        self.model = self.tool = 0
        inside = {task_id}
        for event in told:
            if isinstance(event, StepStarted) and event.within in inside:
                inside.add(event.task_id)
            if event.task_id in inside:
                self.hear(event.task_id, type(event), {})

    def hear(self, _task_id: str, kind: type[Event], _fields: object) -> None:
        self.model += issubclass(kind, MODEL)
        self.tool += issubclass(kind, TOOL)
