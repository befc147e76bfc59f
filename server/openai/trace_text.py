"""Events as the thoughts of a reasoning model: what `reasoning_content` shows while an answer is being made."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from agents.events import (
    ApprovalAnswered,
    ApprovalAsked,
    Event,
    Reflection,
    Retrieved,
    Thought,
    Token,
    ToolCalled,
    Trial,
    Warned,
)
from agents.experts.facts import Routed
from agents.marginal_facts import Marginalised
from agents.memory.told import HistoryCompacted, MemoryForgotten, MemoryRead, of_memory
from agents.task_facts import TaskEvent, TaskFailed, TaskFinished, TaskStarted

SHOWN = 200
UNTOLD = ("gate", "router", "registry")
"""Calls that a pipeline makes for itself."""
MOST = 4
"""Answers of a marginalising pipeline that are shown with their probabilities."""


def reasoning_of(event: Event) -> str:
    """The event as a line of thought; "" for events that are no part of it."""
    match event:
        case Token(channel="reasoning"):
            return event.text
        case Thought():
            return f"{event.text}\n"
        case Retrieved():
            names = ", ".join(dict.fromkeys(hit.filename for hit in event.hits)) or "nothing"
            return f"Searched for {event.query!r}: {len(event.hits)} passages from {names}.\n"
        case ToolCalled():
            return _called(event)
        case MemoryRead() | MemoryForgotten() | HistoryCompacted() | Reflection():
            return _remembered(event)
        case Trial():
            judged = {True: "succeeded", False: "failed", None: "was not judged"}[event.success]
            return f"Trial {event.number} {judged}: {_short(event.answer) or event.stuck}\n"
        case Routed() | Marginalised():
            return _weighed(event)
        case TaskStarted() | TaskFinished() | TaskFailed():
            return _of_task(event)
        case ApprovalAsked():
            return f"Waits for a person: {event.subject} with {_short(json.dumps(event.details, ensure_ascii=False))}\n"
        case ApprovalAnswered():
            comment = f": {event.comment}" if event.comment else ""
            return f"A person {'agreed' if event.approved else 'refused'}{comment}\n"
        case Warned():
            return f"Note: {event.message}\n"
        case _:
            return ""


def _chosen(names: Sequence[str], weights: Sequence[float]) -> str:
    taken = [f"{name} ({weight:.2f})" for name, weight in zip(names, weights, strict=True) if name]
    return " and ".join(taken) or "no expert has room"


def _weighed(event: Routed | Marginalised) -> str:
    """Which experts were chosen; which passage carried the answer: each one's share before and after it."""
    if isinstance(event, Routed):
        if event.features == "downloads":
            return ""  # The thought that follows says who was chosen, and why.
        chosen = zip(event.chosen, event.weights, strict=True)
        return "".join(f"gate: {_chosen(names, weights)}\n" for names, weights in chosen)
    shares = ", ".join(f"{one.filename} {one.prior:.4f} -> {one.posterior:.4f}" for one in event.documents)
    odds = "".join(
        f"p = {math.exp(one.logprob):.4f}: {_short(one.text) or '(nothing)'}\n"
        for one in event.hypotheses[:MOST]
        if one.logprob is not None
    )
    return f"{odds}Shares of the passages: {shares}.\n"


def _of_task(event: TaskEvent) -> str:
    match event:
        case TaskStarted():
            return f"Task {event.task}, {event.task_type}: {event.expert} begins with {_short(event.args)}\n"
        case TaskFinished():
            return f"Task {event.task}: {_short(event.text)}\n"
        case TaskFailed():
            return f"Task {event.task} failed: {_short(event.reason)}\n"


def _noted(event: Reflection) -> str:
    if event.because_of:
        return f"Concluded: {event.text} (memories {', '.join(map(str, event.because_of))})\n"
    return f"Noted for the next trial: {event.text}\n"


def _called(event: ToolCalled) -> str:
    if event.call.name in UNTOLD or of_memory(event.call):
        return ""
    return f"Called {event.call.name}({_short(event.call.arguments)}): {_short(event.output)}\n"


def _remembered(event: MemoryRead | MemoryForgotten | HistoryCompacted | Reflection) -> str:
    match event:
        case Reflection():
            return _noted(event)
        case MemoryRead():
            return f"Remembered: {'; '.join(map(_short, event.texts)) or 'nothing'}\n" if event.memory else ""
        case MemoryForgotten():
            memories = "1 memory" if len(event.ids) == 1 else f"{len(event.ids)} memories"
            return f"Forgot {memories} of {event.request!r}.\n"
        case HistoryCompacted():
            return f"Summarised {event.summarised} earlier messages: {_short(event.summary)}\n"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"
