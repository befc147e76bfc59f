"""What may be shown of an error: our own speak for themselves, any other is a bug, whose details are for the log."""

from __future__ import annotations

from typing import Any

from agents.errors import AgentError
from backends.errors import BackendError
from retrieval.errors import RetrievalError

INTERNAL = "InternalError"


def shown(error: BaseException) -> dict[str, Any]:
    """`error_type` and `message`; of what a backend says also `status`, `code` and `retry_after`."""
    if isinstance(error, BackendError):
        about = {"status": error.status, "code": error.code, "retry_after": error.retry_after}
        return {"error_type": type(error).__name__, "message": str(error), **about}
    if isinstance(error, RetrievalError | AgentError):
        return {"error_type": type(error).__name__, "message": str(error)}
    return {"error_type": INTERNAL, "message": "the run failed for an internal reason; the log has it"}
