"""What a client may put into `input`, or into a conversation: messages, calls of its tools, and what those said."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from server.openai.responses.part_schema import Part
from server.openai.schema import UNICODE, Body, Json, Text

Status = Literal["in_progress", "completed", "incomplete"]
Id = Annotated[str, Field(min_length=1), UNICODE]


class MessageItem(Body):
    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: Text | list[Part]
    id: Text | None = None
    status: Status | None = None
    phase: Literal["commentary", "final_answer"] | None = None


class CallItem(Body):
    type: Literal["function_call"]
    call_id: Id
    name: Id
    arguments: Text
    id: Text | None = None
    status: Status | None = None
    extra_content: Json | None = None
    """Ours: what some providers want back with a call."""
    caller: Any | None = None
    namespace: Text | None = None


class CallOutputItem(Body):
    type: Literal["function_call_output"]
    call_id: Id
    output: Text | list[Part]
    id: Text | None = None
    status: Status | None = None
    name: Text | None = None
    caller: Any | None = None
    namespace: Text | None = None


class SummaryText(Body):
    type: Literal["summary_text"]
    text: Text


class ReasoningText(Body):
    type: Literal["reasoning_text"]
    text: Text


class ReasoningItem(Body):
    type: Literal["reasoning"]
    id: Text | None = None
    summary: list[SummaryText] = Field(default_factory=list)
    content: list[ReasoningText] | None = None
    encrypted_content: Text | None = None
    status: Status | None = None


class SearchItem(Body):
    """A search that a pipeline made: a fact about the turn it belongs to, which the model is not told again."""

    type: Literal["file_search_call"]
    id: Text | None = None
    queries: list[Text]
    status: Literal["in_progress", "searching", "completed", "incomplete", "failed"] | None = None
    results: list[Any] | None = None


class QuestionItem(Body):
    """What a run waits to be allowed, as it was told; the model is not told again."""

    type: Literal["mcp_approval_request"]
    id: Text | None = None
    server_label: Text
    name: Text
    arguments: Text
    question_id: Text | None = None


class Reference(Body):
    type: Literal["item_reference"]
    id: Id


class OtherItem(BaseModel):
    """Known to the API; none of it is made here, so none can be understood."""

    model_config = ConfigDict(extra="allow")
    type: Literal[
        "additional_tools", "apply_patch_call", "apply_patch_call_output", "code_interpreter_call", "compaction",
        "compaction_trigger", "computer_call", "computer_call_output", "configuration_update", "custom_tool_call",
        "custom_tool_call_output", "image_generation_call", "local_shell_call", "local_shell_call_output",
        "mcp_approval_response", "mcp_call", "mcp_list_tools", "program", "program_output",
        "shell_call", "shell_call_output", "tool_search_call", "tool_search_output", "web_search_call",
    ]  # fmt: skip


KINDS = {
    "message": MessageItem,
    "function_call": CallItem,
    "function_call_output": CallOutputItem,
    "reasoning": ReasoningItem,
    "file_search_call": SearchItem,
    "mcp_approval_request": QuestionItem,
    "item_reference": Reference,
}


def _kind(given: Any) -> str:
    kind = given.get("type", "message") if isinstance(given, dict) else getattr(given, "type", "message")
    return kind if isinstance(kind, str) and kind in KINDS else "other"


Item = Annotated[
    Annotated[MessageItem, Tag("message")]
    | Annotated[CallItem, Tag("function_call")]
    | Annotated[CallOutputItem, Tag("function_call_output")]
    | Annotated[ReasoningItem, Tag("reasoning")]
    | Annotated[SearchItem, Tag("file_search_call")]
    | Annotated[QuestionItem, Tag("mcp_approval_request")]
    | Annotated[Reference, Tag("item_reference")]
    | Annotated[OtherItem, Tag("other")],
    Discriminator(_kind),
]
