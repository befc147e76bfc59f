"""What the trace tells of a run's earlier attempts, so that the next one goes on instead of beginning."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from agents.events import (
    Checkpointed,
    Event,
    LLMCalled,
    Retrieved,
    RunResumed,
    RunStarted,
    StepFinished,
    StepStarted,
    Token,
    ToolCalled,
)
from agents.failures import LLMFailed, SearchFailed, ToolFailed
from agents.journal import Journal
from agents.memory.told import of_memory
from agents.origins import Forked
from agents.spending import Price, Spent, price_of

WORTH = (StepFinished, LLMCalled, LLMFailed, ToolCalled, ToolFailed, Retrieved, SearchFailed, Forked)
"""Events that an attempt was not for nothing."""


@dataclass(frozen=True)
class Past:
    """Of a run that is new: the defaults."""

    attempts: int = 0
    began: datetime | None = None
    """When the first attempt did."""
    forked: bool = False
    """Whether the trace ends where the run becomes its own."""
    last_seq: int = 0
    spent: Spent = field(default_factory=Spent)
    journal: Journal = field(default_factory=Journal)
    said: tuple[str, ...] = ()
    """The answer, as far as steps said it that finished."""
    unfinished: tuple[str, ...] = ()
    """`task_id` of the steps that had begun, and run again."""
    stored: tuple[str, ...] = ()
    """Ids of the checkpoints that the trace has."""
    fruitless: int = 0
    """Attempts in a row, up to now, in which nothing from outside came back and no step finished."""


def read_past(
    events: Sequence[Event],
    before: Iterable[Event],
    prices: Mapping[str, Price],
    done: Collection[str] | None = None,
) -> Past:
    """`events`: the run's own, in order. `before`: those of the run whose question it answers, for its calls.

    `done`: `task_id` of the steps whose writes are stored; None: those that the trace says have ended. After a crash
    the trace cannot tell: a step may have ended, and the process before its writes were stored.
    """
    journal = Journal((*before, *events))
    if done is None:
        done = {event.task_id for event in events if isinstance(event, StepFinished)}
    unfinished = {event.task_id: None for event in events if isinstance(event, StepStarted)}
    unfinished = {task_id: None for task_id in unfinished if task_id not in done}
    return Past(
        attempts=sum(isinstance(event, RunStarted | RunResumed) for event in events),
        began=events[0].at if events else None,
        forked=bool(events) and isinstance(events[-1], Forked),
        last_seq=events[-1].seq if events else 0,
        spent=_spent(events, prices),
        journal=journal,
        said=tuple(
            event.text
            for event in events
            if isinstance(event, Token) and event.channel == "answer" and event.task_id not in unfinished
        ),
        unfinished=tuple(unfinished),
        stored=tuple(event.checkpoint_id for event in events if isinstance(event, Checkpointed)),
        fruitless=_fruitless(events),
    )


def _spent(events: Sequence[Event], prices: Mapping[str, Price]) -> Spent:
    spent = Spent(
        seconds=_seconds(events),
        steps=sum(isinstance(event, Checkpointed) and event.step > 0 for event in events),
        tool_calls=sum(isinstance(event, ToolCalled | ToolFailed) and not of_memory(event.call) for event in events),
    )
    for event in events:
        if isinstance(event, LLMCalled):
            spent.model_calls += 1
            spent.add(event.request, event.completion, price_of(prices, event.backend))
        elif isinstance(event, LLMFailed):
            spent.model_calls += 1
            spent.usage = spent.cost = None
    return spent


def _seconds(events: Sequence[Event]) -> float:
    """From the first to the last event of each attempt."""
    total = 0.0
    begun: Event | None = None
    for place, event in enumerate(events, start=1):
        begun = begun or event
        if place == len(events) or isinstance(events[place], RunResumed):
            total += (event.at - begun.at).total_seconds()
            begun = None
    return total


def _fruitless(events: Sequence[Event]) -> int:
    count = 0
    for event in reversed(events):
        if isinstance(event, WORTH):
            break
        count += isinstance(event, RunStarted | RunResumed)
    return count
