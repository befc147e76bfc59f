"""The body of POST /v1/chat/completions: every field that OpenAI defines, and what becomes of it here.

Three kinds: honoured; accepted because leaving it out changes nothing the caller can see (IGNORED); refused by name
because it would (REFUSED, unless its value is the one that asks for nothing).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from server.errors import bad_request
from server.openai.chat_message_schema import ChatMessage
from server.openai.function_tools import MOST, Function, FunctionName
from server.openai.sandtable import Extension
from server.openai.schema import UNICODE, Body, Json, Metadata, Text

Stop = Annotated[str, Field(min_length=1, max_length=256), UNICODE]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
Penalty = Annotated[float, Field(ge=-2, le=2)]
Bias = Annotated[float, Field(ge=-100, le=100)]
TokenId = Annotated[str, StringConstraints(pattern=r"^\d{1,10}$"), UNICODE]


class StreamOptions(Body):
    include_usage: bool = False
    include_obfuscation: bool = False


class FunctionTool(Body):
    type: Literal["function"]
    function: Function


class OtherTool(BaseModel):
    """Known to the API: a tool with a grammar instead of a schema."""

    model_config = ConfigDict(extra="allow")
    type: Literal["custom"]


Tool = Annotated[FunctionTool | OtherTool, Field(discriminator="type")]


class Named(Body):
    name: FunctionName


class NamedChoice(Body):
    type: Literal["function"]
    function: Named


class AllowedTools(Body):
    mode: Literal["auto", "required"]
    tools: Annotated[list[NamedChoice], Field(min_length=1, max_length=MOST)]


class AllowedChoice(Body):
    type: Literal["allowed_tools"]
    allowed_tools: AllowedTools


Choice = Literal["none", "auto", "required"] | Annotated[NamedChoice | AllowedChoice, Field(discriminator="type")]


class TextFormat(Body):
    type: Literal["text"]


class ObjectFormat(Body):
    type: Literal["json_object"]


class JsonSchema(Body):
    name: FunctionName
    description: Text | None = None
    schema_: Annotated[Json | None, Field(alias="schema")] = None
    strict: bool | None = None


class SchemaFormat(Body):
    type: Literal["json_schema"]
    json_schema: JsonSchema


Format = Annotated[TextFormat | ObjectFormat | SchemaFormat, Field(discriminator="type")]


class ChatCompletion(Body):
    model: Annotated[str, Field(min_length=1), UNICODE]
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=2_000)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = None
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    logit_bias: Annotated[dict[TokenId, Bias], Field(max_length=1024)] | None = None
    reasoning_effort: Effort | None = None
    n: Annotated[int, Field(ge=1, le=128)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    response_format: Format | None = None
    tools: Annotated[list[Tool], Field(max_length=MOST)] | None = None
    tool_choice: Choice | None = None
    parallel_tool_calls: bool | None = None
    sandtable: Extension | None = None

    user: Text | None = None
    metadata: Metadata | None = None
    store: bool | None = None
    service_tier: Text | None = None
    safety_identifier: Text | None = None
    prompt_cache_key: Text | None = None
    prompt_cache_retention: Text | None = None
    prompt_cache_options: Any | None = None
    prediction: Any | None = None

    audio: Any | None = None
    function_call: Any | None = None
    functions: list[Any] | None = None
    modalities: list[Text] | None = None
    moderation: Any | None = None
    verbosity: Text | None = None
    web_search_options: Any | None = None


IGNORED = (
    "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
    "prompt_cache_options", "prediction",
)  # fmt: skip

REFUSED: dict[str, tuple[Any, ...]] = {
    "audio": (None,),
    "function_call": (None, "none", "auto"),
    "functions": (None, []),
    "modalities": (None, ["text"]),
    "moderation": (None,),
    "verbosity": (None,),
    "web_search_options": (None,),
}
"""Field -> the values that ask for nothing."""
INSTEAD = {"function_call": "Use 'tool_choice'.", "functions": "Use 'tools'."}


def refuse_unsupported(body: ChatCompletion) -> None:
    """Raises ApiError for the first field whose value could not be honoured."""
    for name, harmless in REFUSED.items():
        if getattr(body, name) not in harmless:
            message = " ".join(filter(None, [f"{name!r} is not supported here.", INSTEAD.get(name)]))
            raise bad_request(message, name, "unsupported_parameter")
    for n, tool in enumerate(body.tools or ()):
        if isinstance(tool, OtherTool):
            where = f"tools[{n}].type"
            raise bad_request(f"{where!r} is {tool.type!r}; only functions are.", where, "unsupported_parameter")
    if body.top_logprobs is not None and not body.logprobs:
        raise bad_request("'top_logprobs' needs 'logprobs': true.", "top_logprobs", "invalid_value")
