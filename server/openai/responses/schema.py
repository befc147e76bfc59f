"""The body of POST /v1/responses: every field that OpenAI defines, and what becomes of it here.

Three kinds, as for chat completions: honoured; accepted because leaving it out changes nothing the caller can see;
refused by name because it would.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from server.errors import bad_request
from server.openai.chat_schema import Effort, ObjectFormat, TextFormat
from server.openai.function_tools import MOST, FunctionName
from server.openai.responses.item_schema import Item
from server.openai.responses.tool_schema import Choice, OtherTool, Tool
from server.openai.sandtable import Extension
from server.openai.schema import UNICODE, Body, Json, Metadata, Text

MOST_ITEMS = 2_000
Includable = Literal[
    "file_search_call.results", "message.output_text.logprobs", "reasoning.encrypted_content",
    "message.input_image.image_url", "web_search_call.results", "web_search_call.action.sources",
    "computer_call_output.output.image_url", "code_interpreter_call.outputs",
]  # fmt: skip


class SchemaFormat(Body):
    type: Literal["json_schema"]
    name: FunctionName
    schema_: Annotated[Json, Field(alias="schema")]
    description: Text | None = None
    strict: bool | None = None


class TextConfig(Body):
    format: Annotated[TextFormat | ObjectFormat | SchemaFormat, Field(discriminator="type")] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class Reasoning(Body):
    effort: Effort | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None
    generate_summary: Literal["auto", "concise", "detailed"] | None = None
    context: Literal["auto", "current_turn", "all_turns"] | None = None
    mode: Text | None = None


class StreamOptions(Body):
    include_obfuscation: bool | None = None


class ConversationRef(Body):
    id: Annotated[str, Field(min_length=1), UNICODE]


class CreateResponse(Body):
    model: Annotated[str, Field(min_length=1), UNICODE]
    input: Text | Annotated[list[Item], Field(max_length=MOST_ITEMS)] | None = None
    instructions: Text | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    background: bool | None = None
    store: bool | None = None
    previous_response_id: Text | None = None
    conversation: Text | ConversationRef | None = None
    include: list[Includable] | None = None
    tools: Annotated[list[Tool], Field(max_length=MOST)] | None = None
    tool_choice: Choice | None = None
    parallel_tool_calls: bool | None = None
    max_tool_calls: Annotated[int, Field(ge=1)] | None = None
    max_output_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    text: TextConfig | None = None
    reasoning: Reasoning | None = None
    truncation: Literal["auto", "disabled"] | None = None
    metadata: Metadata | None = None
    sandtable: Extension | None = None

    user: Text | None = None
    safety_identifier: Text | None = None
    service_tier: Text | None = None
    prompt_cache_key: Text | None = None
    prompt_cache_retention: Text | None = None
    prompt_cache_options: Any | None = None

    access_programs: Any | None = None
    background_options: Any | None = None
    context_management: Any | None = None
    image: Any | None = None
    moderation: Any | None = None
    prompt: Any | None = None


REFUSED: dict[str, tuple[Any, ...]] = {
    "access_programs": (None,),
    "background_options": (None, {}, {"completion_window": "soonest"}),
    "context_management": (None, []),
    "image": (None, {}, {"context_compression": "auto"}),
    "moderation": (None,),
    "prompt": (None,),
    "truncation": (None, "disabled"),
}
"""Field -> the values that ask for nothing."""


def refuse_unsupported(body: CreateResponse) -> None:
    """Raises ApiError for the first field whose value could not be honoured, or that contradicts another."""
    for name, harmless in REFUSED.items():
        if getattr(body, name) not in harmless:
            raise _unsupported(name)
    if body.text is not None and body.text.verbosity not in (None, "medium"):
        raise _unsupported("text.verbosity")
    for name, harmless in (("mode", (None, "standard")), ("context", (None, "auto"))):
        if body.reasoning is not None and getattr(body.reasoning, name) not in harmless:
            raise _unsupported(f"reasoning.{name}")
    for n, tool in enumerate(body.tools or ()):
        if isinstance(tool, OtherTool):
            where = f"tools[{n}].type"
            message = f"{where!r} is {tool.type!r}; functions and file_search are taken."
            raise bad_request(message, where, "unsupported_parameter")
    _refuse_contradictions(body)


def _refuse_contradictions(body: CreateResponse) -> None:
    if body.conversation is not None and body.previous_response_id is not None:
        message = "'previous_response_id' and 'conversation' both say what came before: send one of them."
        raise bad_request(message, "previous_response_id", "mutually_exclusive_parameters")
    if body.store is False and (body.background or body.conversation is not None):
        other = "background" if body.background else "conversation"
        raise bad_request(f"{other!r} needs the response to be stored: leave out 'store'.", "store", "invalid_value")
    if body.top_logprobs and "message.output_text.logprobs" not in (body.include or ()):
        message = "'top_logprobs' needs 'include' to have 'message.output_text.logprobs'."
        raise bad_request(message, "top_logprobs", "invalid_value")
    if body.sandtable is not None and body.sandtable.thread_id is not None:
        message = "'sandtable.thread_id' is for chat completions; use 'previous_response_id' or 'conversation' here."
        raise bad_request(message, "sandtable.thread_id", "unsupported_parameter")


def _unsupported(name: str) -> Exception:
    return bad_request(f"{name!r} is not supported here with this value.", name, "unsupported_parameter")
