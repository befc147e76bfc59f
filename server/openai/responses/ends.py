"""How a run's end reads as that of a response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from agents.events import End, RunCancelled, RunFailed, RunFinished, RunInterrupted, RunLimited
from server.run_errors import from_failure

if TYPE_CHECKING:
    from backends.base import Usage

CODES = {429: "rate_limit_exceeded", 400: "invalid_prompt"}
"""By HTTP status; OpenAI knows few codes for a response that fails."""
REASONS = {"length": "max_output_tokens", "content_filter": "content_filter"}


@dataclass(frozen=True)
class Ended:
    type: str
    """Of the stream's last event. OpenAI has none for a response that was cancelled: it ends as incomplete."""
    status: str
    fields: dict[str, Any]
    about: dict[str, Any]
    """For `sandtable`."""


def end_of(event: End) -> Ended:
    status, reason, error = _outcome(event)
    fields: dict[str, Any] = {
        "status": status,
        "incomplete_details": {"reason": reason} if reason else None,
        "error": error,
        "usage": _usage(event.usage),
        "completed_at": int(event.at.timestamp()) if status == "completed" else None,
    }
    about: dict[str, Any] = {"seconds": round(event.seconds, 4), "cost": event.cost}
    if isinstance(event, RunLimited):
        about["limit"] = event.limit
    return Ended(f"response.{'incomplete' if status == 'cancelled' else status}", status, fields, about)


def _outcome(event: End) -> tuple[str, str | None, dict[str, Any] | None]:
    """Status, reason if it is incomplete, error if it failed."""
    match event:
        case RunFinished(finish_reason=reason) if reason in REASONS:
            return "incomplete", REASONS[reason], None
        case RunFinished():
            return "completed", None, None
        case RunLimited():
            # OpenAI has no reason for other limits, and strict clients take no other; `sandtable` names the limit.
            return "incomplete", "max_output_tokens", None
        case RunCancelled():
            return "cancelled", None, None
        case RunInterrupted():
            return "completed", None, None
        case RunFailed():
            failure = from_failure(event)
            code = CODES.get(failure.status, "server_error")
            return "failed", None, {"code": code, "message": failure.message}
        case _:
            raise AssertionError(type(event))


def _usage(usage: Usage | None) -> dict[str, Any] | None:
    """None if a backend did not say: nothing is invented."""
    if usage is None:
        return None
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }
