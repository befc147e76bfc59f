"""Exchanges with the outside that failed: what was asked, and what came instead of an answer."""

from __future__ import annotations

from typing import Any, Literal

from agents.fact import Fact
from backends.base import Request, ToolCall
from retrieval.base import Rerank


class Failure(Fact):
    """`message` is safe to show: of an unexpected exception only the log has more than its kind."""

    error_type: str
    """The class of the error, or `InternalError`."""
    message: str
    status: int | None = None
    code: str | None = None
    retry_after: float | None = None
    """Seconds."""
    seconds: float


class LLMFailed(Failure):
    type: Literal["llm_failed"] = "llm_failed"
    request: Request
    backend: str
    call: int = 0
    """As `LLMCalled.call`."""


class ToolFailed(Failure):
    """The call broke off. What a tool refuses is an answer, and a `tool_called`."""

    type: Literal["tool_failed"] = "tool_failed"
    call: ToolCall


class SearchFailed(Failure):
    type: Literal["search_failed"] = "search_failed"
    query: str
    k: int
    where: Any | None = None
    rerank: Rerank | None = None
    generation: str | None
