"""A run without an answer as an HTTP error: the last event of one that failed names the exception, this finds its
status again."""

from __future__ import annotations

from collections.abc import Mapping

from agents.events import End, RunCancelled, RunFailed, RunInterrupted
from server.errors import BACKEND_STATUS, ApiError, retry_after

BY_NAME = {kind.__name__: (status, code) for kind, (status, code) in BACKEND_STATUS.items()}
BY_NAME |= {
    "BackendError": (502, "backend_failed"),
    "BadFilter": (400, "invalid_filter"),
    "CollectionRequired": (400, "collection_required"),
    "EmbedderMissing": (400, "embedder_missing"),
    "RerankerMissing": (400, "reranker_missing"),
    "UnknownGeneration": (409, "unknown_generation"),
    "SandboxRequired": (400, "sandbox_unavailable"),
    "UnknownTool": (400, "unknown_tool"),
    "EmbedderFailed": (502, "embedder_failed"),
    "PlannerMissing": (501, "planner_missing"),
    "IndexUnavailable": (503, "index_unavailable"),
    "EmbedderAway": (503, "embedder_unavailable"),
    "BadAnswer": (400, "invalid_answer"),
    "BadQuestion": (400, "invalid_question"),
    "NotStored": (507, "disk_full"),
}
PARAMS = {
    "BadFilter": "sandtable.options.where",
    "BadQuestion": "messages",
    "CollectionRequired": "sandtable.collection",
    "RerankerMissing": "sandtable.options.rerank",
    "UnknownGeneration": "sandtable.generation",
    "SandboxRequired": "sandtable.options.tools",
    "UnknownTool": "sandtable.options.tools",
}


def from_failure(end: RunFailed, wishes: Mapping[str, str] | None = None) -> ApiError:
    """`wishes`: what a backend must be able to do, by the field of the request that asks for it."""
    status, code = BY_NAME.get(end.error_type, (500, "run_failed"))
    if end.error_type == "NotStored":
        status, code = end.status or status, end.code or code
    kind = "backend_error" if code.startswith("backend") and status >= 500 else None
    param = PARAMS.get(end.error_type)
    if end.error_type == "CapabilityMissing" and wishes is not None:
        param = wishes.get(end.code or "")
    return ApiError(status, end.message, param=param, code=code, type=kind, headers=retry_after(end.retry_after))


def no_answer(end: End, wishes: Mapping[str, str] | None = None) -> ApiError | None:
    """The error that a run's end is for whoever waits for its answer; None if it has one, in whole or in part.
    `wishes` as above."""
    match end:
        case RunFailed():
            return from_failure(end, wishes)
        case RunInterrupted():
            asked = "; ".join(str(question.value) for question in end.questions)
            message = f"The run {end.run_id} waits for a person to answer: {asked}"
            about = {
                "run_id": end.run_id,
                "questions": [question.model_dump(mode="json") for question in end.questions],
            }
            return ApiError(409, message, code="run_interrupted", about=about)
        case RunCancelled():
            return ApiError(409, f"The run {end.run_id} was cancelled.", code="run_cancelled")
        case _:
            return None
