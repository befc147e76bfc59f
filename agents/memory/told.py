"""What memory does, as events of a trace."""

from __future__ import annotations

from typing import Literal

from agents.fact import Fact
from backends.base import ToolCall

TOOL = "memory"
"""The name in the trace of calls of memory, which no caller asked for and no limit counts; no model can make one."""


def of_memory(call: ToolCall) -> bool:
    """Whether it is such a call, and not one of a tool that somebody has named so."""
    return call.name == TOOL and call.id.startswith(f"{TOOL}_")


class MemoryRead(Fact):
    type: Literal["memory_read"] = "memory_read"
    query: str
    texts: tuple[str, ...]
    ids: tuple[int, ...] = ()
    """Of the records, where they have numbers."""
    memory: str = ""
    """Its kind, `long`; empty: a pipeline's own."""


class MemoryWritten(Fact):
    type: Literal["memory_written"] = "memory_written"
    key: str
    text: str
    merged: bool = False
    """A record said the same already."""
    superseded: tuple[int, ...] = ()
    """Ids of the records that it took the place of."""


class MemoryForgotten(Fact):
    """Records are gone on somebody's request; their texts are not told again."""

    type: Literal["memory_forgotten"] = "memory_forgotten"
    request: str
    ids: tuple[int, ...]


class HistoryCompacted(Fact):
    """Older turns are told to the model as a summary. The thread keeps them."""

    type: Literal["history_compacted"] = "history_compacted"
    summarised: int
    """Messages that the summary stands for."""
    kept: int
    """Messages that stay whole, the newest."""
    tokens_before: int
    """Of all messages, estimated."""
    tokens_after: int
    """Of the summary and the messages kept."""
    summary: str
    by: Literal["model", "quotes", "before"]
    """Who made it: the backend; sentences of the turns themselves; an earlier turn of the conversation did."""
