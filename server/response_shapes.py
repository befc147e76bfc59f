"""What the routes of responses and conversations answer, as models for /openapi.json."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, RootModel

from server.shapes import Shape


class TextOut(Shape):
    type: Literal["output_text"]
    text: str
    annotations: list[Any]
    logprobs: list[Any] = Field(default_factory=list)


class RefusalPart(Shape):
    type: Literal["refusal"]
    refusal: str


class TextIn(Shape):
    model_config = ConfigDict(extra="allow")
    type: Literal["input_text"]
    text: str


class ImageIn(Shape):
    model_config = ConfigDict(extra="allow")
    type: Literal["input_image"]
    image_url: str
    detail: str


PartOut = Annotated[TextOut | RefusalPart | TextIn | ImageIn, Field(discriminator="type")]
ItemStatus = Literal["in_progress", "completed", "incomplete"]


class MessageOut(Shape):
    id: str
    type: Literal["message"]
    role: Literal["user", "assistant", "system", "developer"]
    status: ItemStatus
    content: list[PartOut]
    phase: str | None = None


class FunctionCallOut(Shape):
    model_config = ConfigDict(extra="allow")
    id: str
    type: Literal["function_call"]
    status: ItemStatus
    call_id: str
    name: str
    arguments: str


class FunctionResult(Shape):
    model_config = ConfigDict(extra="allow")
    id: str
    type: Literal["function_call_output"]
    status: ItemStatus
    call_id: str
    output: str | list[PartOut]


class ReasoningOut(Shape):
    id: str
    type: Literal["reasoning"]
    summary: list[dict[str, Any]]
    content: list[dict[str, Any]] = Field(default_factory=list)
    encrypted_content: str | None = None


class FileSearchCall(Shape):
    id: str
    type: Literal["file_search_call"]
    status: str
    queries: list[str]
    results: list[Any] | None = None


ItemOut = Annotated[
    MessageOut | FunctionCallOut | FunctionResult | ReasoningOut | FileSearchCall, Field(discriminator="type")
]


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
