"""What the routes answer, as models for /openapi.json: the routes make plain objects, and tests hold them to these."""

from __future__ import annotations

from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from agents.citation import Citation
from agents.events import Event
from retrieval.base import StageScores

T = TypeVar("T")
Scalar = str | float | bool


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Page(Shape, Generic[T]):
    object: Literal["list"]
    data: list[T]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ModelObject(Shape):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(Shape):
    object: Literal["list"]
    data: list[ModelObject]


class EmbeddingObject(Shape):
    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class EmbeddingUsage(Shape):
    prompt_tokens: int
    total_tokens: int


class EmbeddingList(Shape):
    object: Literal["list"]
    model: str
    data: list[EmbeddingObject]
    usage: EmbeddingUsage


class FileObject(Shape):
    id: str
    object: Literal["file"]
    bytes: int
    created_at: int
    expires_at: int | None
    filename: str
    purpose: str
    status: Literal["processed"]
    status_details: str | None


class Deleted(Shape):
    id: str
    object: str
    deleted: Literal[True]


class FileCounts(Shape):
    in_progress: int
    completed: int
    failed: int
    cancelled: int
    total: int


class VectorStoreObject(Shape):
    model_config = ConfigDict(extra="allow")
    id: str
    object: Literal["vector_store"]
    created_at: int
    name: str
    description: str
    usage_bytes: int
    file_counts: FileCounts
    status: Literal["expired", "in_progress", "completed"]
    expires_after: dict[str, Any] | None
    expires_at: int | None
    last_active_at: int
    metadata: dict[str, str]
    sandtable: dict[str, Any]


class FileError(Shape):
    code: Literal["unsupported_file", "server_error", "invalid_file"]
    message: str


class Progress(Shape):
    done: int
    total: int


class StoreFileObject(Shape):
    id: str
    object: Literal["vector_store.file"]
    created_at: int
    vector_store_id: str
    status: Literal["in_progress", "completed", "failed", "cancelled"]
    last_error: FileError | None
    usage_bytes: int
    attributes: dict[str, Scalar]
    chunking_strategy: dict[str, Any]
    filename: str
    progress: Progress


class TextPiece(Shape):
    type: Literal["text"]
    text: str


class StoreFileContent(Shape):
    object: Literal["vector_store.file_content.page"]
    file_id: str
    filename: str
    attributes: dict[str, Scalar]
    data: list[TextPiece]
    has_more: bool
    next_page: str | None


class Explained(StageScores):
    matched_terms: list[str]


class HitObject(Shape):
    file_id: str
    filename: str
    score: float
    attributes: dict[str, Scalar]
    content: list[TextPiece]
    chunk_id: int
    start: int
    end: int
    explain: Explained | None = None
    """Only when it was asked for."""


class SearchScope(Shape):
    index: str
    chunks: int
    allowed: int
    """By the filter."""
    halves: dict[str, Literal["exact", "approximate"]]
    fusion: str | None


class SearchResults(Shape):
    explain: SearchScope | None = None
    """Only when it was asked for."""
    object: Literal["vector_store.search_results.page"]
    search_query: list[str]
    generation: str
    data: list[HitObject]
    has_more: bool
    next_page: str | None


class FileBatchObject(Shape):
    id: str
    object: Literal["vector_store.files_batch"]
    created_at: int
    vector_store_id: str
    status: Literal["in_progress", "completed", "cancelled", "failed"]
    file_counts: FileCounts


class GenerationObject(Shape):
    model_config = ConfigDict(extra="allow")
    id: str
    object: Literal["vector_store.generation"]
    created_at: int
    vector_store_id: str
    status: str
    progress: Progress
    spec: dict[str, Any]
    target_recall: float | None
    gate: dict[str, Any] | None
    metrics: dict[str, Any] | None
    notes: list[str]
    error: Any


class RunEvents(Shape):
    object: Literal["list"]
    run_id: str
    status: str
    has_more: bool
    data: list[Event]


class ChatMessageObject(Shape):
    model_config = ConfigDict(extra="allow")
    role: Literal["assistant"]
    content: str | None
    refusal: str | None
    annotations: list[Citation]
    reasoning_content: str | None
    reasoning: str | None


class ChatChoice(Shape):
    index: int
    message: ChatMessageObject
    logprobs: dict[str, Any] | None
    finish_reason: Literal["stop", "length", "tool_calls", "content_filter"]


class ChatUsage(Shape):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: dict[str, int]
    completion_tokens_details: dict[str, int]


class RunReport(Shape):
    """The run behind an answer; `limit` only when one ended it."""

    model_config = ConfigDict(extra="allow")
    run_id: str
    thread_id: str
    backend: str
    generation: str | None
    steps: int
    seconds: float
    cost: float | None
    artifacts: list[dict[str, Any]]
    limit: str | None = None
    marginal: dict[str, Any] | None = None
    """Of a pipeline that sums the passages out: each one's share, and what other answers are worth."""


class ChatCompletionObject(Shape):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    system_fingerprint: str | None
    choices: list[ChatChoice]
    usage: ChatUsage | None
    sandtable: RunReport


class ToolObject(Shape):
    model_config = ConfigDict(extra="allow")
    object: Literal["tool"]
    name: str
    description: str


class ToolList(Shape):
    object: Literal["list"]
    data: list[ToolObject]


class ToolOutcome(Shape):
    object: Literal["tool.call"]
    tool: str
    output: str
    fault: str | None
    hits: list[HitObject]
    artifacts: list[dict[str, Any]]
    seconds: float


class Alive(Shape):
    status: Literal["ok"]


class Readiness(Shape):
    status: Literal["ready", "not ready"]
    missing: list[str]
