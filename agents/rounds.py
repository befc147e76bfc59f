"""The steps of a run as a person counts them: rounds of the graph, 1, 2, 3, ...; steps side by side are one round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from agents.events import Checkpointed, Event, LLMCalled, Retrieved, StepFinished, StepStarted, ToolCalled
from agents.failures import LLMFailed, SearchFailed, ToolFailed


@dataclass
class Round:
    number: int
    nodes: list[str] = field(default_factory=list)
    first: int = 0
    """seq of its first event."""
    model_calls: int = 0
    searches: int = 0
    tool_calls: int = 0


def rounds(events: Sequence[Event]) -> list[Round]:
    """Of the outermost graph. A step that ran again after a crash counts once."""
    found: list[Round] = []
    met: set[str] = set()
    under_way: set[str] = set()
    for event in events:
        match event:
            case StepStarted(within="") if event.task_id not in met:
                if not under_way:
                    found.append(Round(len(found) + 1, first=event.seq))
                met.add(event.task_id)
                under_way.add(event.task_id)
                found[-1].nodes.append(event.node)
            case StepFinished():
                under_way.discard(event.task_id)
            case Checkpointed(step=step) if step > 0:
                under_way.clear()
            case LLMCalled() | LLMFailed() if found:
                found[-1].model_calls += 1
            case Retrieved() | SearchFailed() if found:
                found[-1].searches += 1
            case ToolCalled() | ToolFailed() if found:
                found[-1].tool_calls += 1
            case _:
                pass
    return found
