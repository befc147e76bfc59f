"""What items of responses and conversations look like, as models for /openapi.json."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

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
    image_url: str | None = None
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


class ApprovalRequest(Shape):
    id: str
    type: Literal["mcp_approval_request"]
    server_label: str
    name: str
    arguments: str
    question_id: str | None = None


ItemOut = Annotated[
    MessageOut | FunctionCallOut | FunctionResult | ReasoningOut | FileSearchCall | ApprovalRequest,
    Field(discriminator="type"),
]
