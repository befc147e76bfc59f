"""What may be shown of an error: our own speak for themselves, any other is a bug, whose details are for the log."""

from __future__ import annotations

from typing import Any

from agents.errors import AgentError, LimitReached
from backends.errors import BackendError
from retrieval.errors import RetrievalError

INTERNAL = "InternalError"


def shown(error: BaseException) -> dict[str, Any]:
    """`error_type`, `message`; of what a backend says also `status`, `code`, `retry_after`; of a limit its `code`."""
    if isinstance(error, BackendError):
        about = {"status": error.status, "code": error.code, "retry_after": error.retry_after}
        return {"error_type": type(error).__name__, "message": str(error), **about}
    if isinstance(error, LimitReached):
        return {"error_type": "LimitReached", "message": str(error), "code": error.limit}
    if isinstance(error, RetrievalError | AgentError):
        return {"error_type": type(error).__name__, "message": str(error)}
    return {"error_type": INTERNAL, "message": "the run failed for an internal reason; the log has it"}
