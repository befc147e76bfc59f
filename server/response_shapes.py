"""What the routes of responses and conversations answer, as models for /openapi.json."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import RootModel

from server.item_shapes import ItemOut
from server.shapes import Shape


class OneItem(RootModel[ItemOut]): ...


class ItemList(Shape):
    object: Literal["list"]
    data: list[ItemOut]
    first_id: str | None
    last_id: str | None
    has_more: bool


class ResponseFault(Shape):
    code: str
    message: str


class IncompleteReason(Shape):
    reason: str


class ConversationId(Shape):
    id: str


class ResponseObject(Shape):
    id: str
    object: Literal["response"]
    created_at: int
    completed_at: int | None
    status: Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]
    background: bool
    store: bool
    model: str
    output: list[ItemOut]
    error: ResponseFault | None
    incomplete_details: IncompleteReason | None
    usage: dict[str, Any] | None
    instructions: str | None
    conversation: ConversationId | None
    previous_response_id: str | None
    metadata: dict[str, str]
    tools: list[dict[str, Any]]
    tool_choice: str | dict[str, Any]
    parallel_tool_calls: bool
    max_tool_calls: int | None
    max_output_tokens: int | None
    temperature: float | None
    top_p: float | None
    top_logprobs: int
    reasoning: dict[str, Any]
    text: dict[str, Any]
    truncation: Literal["disabled"]
    user: str | None
    safety_identifier: str | None
    service_tier: str | None
    prompt_cache_key: str | None
    sandtable: dict[str, Any]


class ConversationObject(Shape):
    id: str
    object: Literal["conversation"]
    created_at: int
    metadata: dict[str, str]
