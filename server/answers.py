"""Which of `server.shapes` each route answers, for /openapi.json."""

from __future__ import annotations

from pydantic import BaseModel

from agents.cassette import Cassette
from server.memory_shapes import MemoriesForgotten, MemoryRecordObject
from server.response_shapes import ConversationObject, ItemList, OneItem, ResponseObject
from server.run_shapes import ReplayAnswer, ResumedRun, RunObject
from server.shapes import (
    Alive,
    ChatCompletionObject,
    Deleted,
    EmbeddingList,
    FileBatchObject,
    FileObject,
    GenerationObject,
    ModelList,
    ModelObject,
    Page,
    Readiness,
    RunEvents,
    SearchResults,
    StoreFileContent,
    StoreFileObject,
    ToolList,
    ToolOutcome,
    VectorStoreObject,
)
from server.training_shapes import TrainingCheckpointObject, TrainingEventObject, TrainingJobObject

JSON_ANSWERS: dict[str, type[BaseModel]] = {
    "GET /v1/models": ModelList,
    "GET /v1/models/{model}": ModelObject,
    "DELETE /v1/models/{model}": Deleted,
    "POST /v1/chat/completions": ChatCompletionObject,
    "POST /v1/responses": ResponseObject,
    "GET /v1/responses/{response_id}": ResponseObject,
    "DELETE /v1/responses/{response_id}": Deleted,
    "POST /v1/responses/{response_id}/cancel": ResponseObject,
    "GET /v1/responses/{response_id}/input_items": ItemList,
    "POST /v1/conversations": ConversationObject,
    "GET /v1/conversations/{conversation_id}": ConversationObject,
    "POST /v1/conversations/{conversation_id}": ConversationObject,
    "DELETE /v1/conversations/{conversation_id}": Deleted,
    "POST /v1/conversations/{conversation_id}/items": ItemList,
    "GET /v1/conversations/{conversation_id}/items": ItemList,
    "GET /v1/conversations/{conversation_id}/items/{item_id}": OneItem,
    "DELETE /v1/conversations/{conversation_id}/items/{item_id}": ConversationObject,
    "POST /v1/embeddings": EmbeddingList,
    "POST /v1/files": FileObject,
    "GET /v1/files": Page[FileObject],
    "GET /v1/files/{file_id}": FileObject,
    "DELETE /v1/files/{file_id}": Deleted,
    "POST /v1/vector_stores": VectorStoreObject,
    "GET /v1/vector_stores": Page[VectorStoreObject],
    "GET /v1/vector_stores/{store_id}": VectorStoreObject,
    "POST /v1/vector_stores/{store_id}": VectorStoreObject,
    "DELETE /v1/vector_stores/{store_id}": Deleted,
    "POST /v1/vector_stores/{store_id}/search": SearchResults,
    "POST /v1/vector_stores/{store_id}/files": StoreFileObject,
    "GET /v1/vector_stores/{store_id}/files": Page[StoreFileObject],
    "GET /v1/vector_stores/{store_id}/files/{file_id}": StoreFileObject,
    "POST /v1/vector_stores/{store_id}/files/{file_id}": StoreFileObject,
    "DELETE /v1/vector_stores/{store_id}/files/{file_id}": Deleted,
    "GET /v1/vector_stores/{store_id}/files/{file_id}/content": StoreFileContent,
    "POST /v1/vector_stores/{store_id}/file_batches": FileBatchObject,
    "GET /v1/vector_stores/{store_id}/file_batches/{batch_id}": FileBatchObject,
    "POST /v1/vector_stores/{store_id}/file_batches/{batch_id}/cancel": FileBatchObject,
    "GET /v1/vector_stores/{store_id}/file_batches/{batch_id}/files": Page[StoreFileObject],
    "POST /v1/vector_stores/{store_id}/generations": GenerationObject,
    "POST /v1/vector_stores/{store_id}/generations/{generation_id}/activate": GenerationObject,
    "POST /v1/vector_stores/{store_id}/generations/{generation_id}/cancel": GenerationObject,
    "DELETE /v1/vector_stores/{store_id}/generations/{generation_id}": Deleted,
    "GET /v1/vector_stores/{store_id}/generations": Page[GenerationObject],
    "GET /v1/vector_stores/{store_id}/generations/{generation_id}": GenerationObject,
    "GET /v1/runs/{run_id}": RunObject,
    "POST /v1/runs/{run_id}/resume": ResumedRun,
    "GET /v1/runs/{run_id}/events": RunEvents,
    "GET /v1/runs/{run_id}/cassette": Cassette,
    "POST /v1/runs/{run_id}/replay": ReplayAnswer,
    "GET /v1/memories": Page[MemoryRecordObject],
    "POST /v1/memories/forget": MemoriesForgotten,
    "DELETE /v1/memories": Deleted,
    "GET /v1/tools": ToolList,
    "POST /v1/tools/{name}/call": ToolOutcome,
    "GET /healthz": Alive,
    "GET /readyz": Readiness,
    "POST /v1/fine_tuning/jobs": TrainingJobObject,
    "GET /v1/fine_tuning/jobs": Page[TrainingJobObject],
    "GET /v1/fine_tuning/jobs/{job_id}": TrainingJobObject,
    "POST /v1/fine_tuning/jobs/{job_id}/cancel": TrainingJobObject,
    "GET /v1/fine_tuning/jobs/{job_id}/events": Page[TrainingEventObject],
    "GET /v1/fine_tuning/jobs/{job_id}/checkpoints": Page[TrainingCheckpointObject],
}
"""By route; one that is missing here answers an object that is not described."""

STREAMED = frozenset(
    {
        "POST /v1/chat/completions",
        "POST /v1/responses",
        "GET /v1/responses/{response_id}",
        "GET /v1/runs/{run_id}/events",
        "POST /threads/{thread_id}/runs/stream",
        "GET /threads/{thread_id}/runs/{run_id}/stream",
        "POST /runs/stream",
    }
)
"""Routes that answer with server-sent events, LangGraph's always, the others when asked to."""
BYTES = frozenset({"GET /v1/files/{file_id}/content"})
TEXTS = {"GET /v1/memories/export": ("text/plain", "text/csv", "application/x-ndjson")}
"""Routes that answer text, and its types."""
