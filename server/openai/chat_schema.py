"""The body of POST /v1/chat/completions: every field that OpenAI defines, and what becomes of it here.

Three kinds: honoured; accepted because leaving it out changes nothing the caller can see (IGNORED); refused by name
because it would (REFUSED, unless its value is the one that asks for nothing).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from server.errors import bad_request
from server.openai.schema import UNICODE, Body, Json, Metadata, Text

Stop = Annotated[str, Field(min_length=1, max_length=256), UNICODE]

MOST_IN_MESSAGE = 1_000_000
MOST_IN_MESSAGES = 4_000_000
"""Characters of one message and of all together: several times what any model reads."""


class TextPart(Body):
    type: Literal["text"]
    text: Text


class OtherPart(BaseModel):
    """Images, audio and files: known to the API, but no backend here takes them."""

    model_config = ConfigDict(extra="allow")
    type: Literal["image_url", "input_audio", "file", "refusal"]


class ChatMessage(Body):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Text | list[Annotated[TextPart | OtherPart, Field(discriminator="type")]] | None = None
    name: Text | None = None
    refusal: Text | None = None
    annotations: list[Any] | None = None
    reasoning_content: Text | None = None
    reasoning: Text | None = None
    tool_calls: list[Any] | None = None
    tool_call_id: Text | None = None
    function_call: Any | None = None
    audio: Any | None = None


class StreamOptions(Body):
    include_usage: bool = False
    include_obfuscation: bool = False


class RunLimits(Body):
    """What this run may use; never more than the service's own settings allow."""

    model_calls: Annotated[int, Field(gt=0)] | None = None
    tool_calls: Annotated[int, Field(gt=0)] | None = None
    tokens: Annotated[int, Field(gt=0)] | None = None
    cost: Annotated[float, Field(gt=0)] | None = None
    seconds: Annotated[float, Field(gt=0)] | None = None
    steps: Annotated[int, Field(gt=0)] | None = None


class Extension(Body):
    """`sandtable`: how the pipeline runs."""

    collection: Text | None = None
    generation: Text | None = None
    backend: Text | None = None
    thread_id: Text | None = None
    user: Text | None = None
    memory: Text | None = None
    persona: dict[str, Any] | None = None
    limits: RunLimits | None = None
    options: Json = Field(default_factory=dict)


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
    sandtable: Extension | None = None

    user: Text | None = None
    metadata: Metadata | None = None
    store: bool | None = None
    service_tier: Text | None = None
    safety_identifier: Text | None = None
    prompt_cache_key: Text | None = None
    prompt_cache_retention: Text | None = None
    prompt_cache_options: Any | None = None
    parallel_tool_calls: bool | None = None
    moderation: Any | None = None
    prediction: Any | None = None

    audio: Any | None = None
    frequency_penalty: float | None = None
    function_call: Any | None = None
    functions: list[Any] | None = None
    logit_bias: dict[str, Any] | None = None
    logprobs: bool | None = None
    modalities: list[Text] | None = None
    n: Annotated[int, Field(ge=1, le=128)] | None = None
    presence_penalty: float | None = None
    reasoning_effort: Text | None = None
    response_format: dict[str, Any] | None = None
    tool_choice: Any | None = None
    tools: list[Any] | None = None
    top_logprobs: int | None = None
    verbosity: Text | None = None
    web_search_options: Any | None = None


IGNORED = (
    "user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
    "prompt_cache_options", "parallel_tool_calls", "prediction",
)  # fmt: skip

REFUSED: dict[str, tuple[Any, ...]] = {
    "audio": (None,),
    "frequency_penalty": (None, 0, 0.0),
    "function_call": (None, "none", "auto"),
    "functions": (None, []),
    "logit_bias": (None, {}),
    "logprobs": (None, False),
    "modalities": (None, ["text"]),
    "moderation": (None,),
    "n": (None, 1),
    "presence_penalty": (None, 0, 0.0),
    "reasoning_effort": (None,),
    "response_format": (None, {"type": "text"}),
    "tool_choice": (None, "none", "auto"),
    "tools": (None, []),
    "top_logprobs": (None, 0),
    "verbosity": (None,),
    "web_search_options": (None,),
}
"""Field -> the values that ask for nothing."""


def refuse_unsupported(body: ChatCompletion) -> None:
    """Raises ApiError for the first field whose value could not be honoured."""
    for name, harmless in REFUSED.items():
        value = getattr(body, name)
        if value not in harmless:
            raise bad_request(f"{name!r} is not supported here yet.", name, "unsupported_parameter")
    extension = body.sandtable
    if extension is not None:
        if extension.persona is not None:
            message = "'sandtable.persona' is not supported here yet."
            raise bad_request(message, "sandtable.persona", "unsupported_parameter")
        if extension.memory not in (None, "none"):
            message = f"'sandtable.memory' is {extension.memory!r}; only 'none' is supported here yet."
            raise bad_request(message, "sandtable.memory", "unsupported_parameter")


def text_of(message: ChatMessage, place: int) -> str:
    """The message's text. Raises ApiError for parts that are not text."""
    if message.content is None:
        return ""
    if isinstance(message.content, str):
        return _short_enough(message.content, place)
    for n, part in enumerate(message.content):
        if isinstance(part, OtherPart):
            where = f"messages[{place}].content[{n}]"
            raise bad_request(
                f"{where} is {part.type!r}; only text is supported here yet.", where, "unsupported_parameter"
            )
    text = "\n".join(part.text for part in message.content if isinstance(part, TextPart))
    return _short_enough(text, place)


def _short_enough(text: str, place: int) -> str:
    if len(text) > MOST_IN_MESSAGE:
        where = f"messages[{place}].content"
        message = f"{where} has {len(text)} characters; at most {MOST_IN_MESSAGE} are taken."
        raise bad_request(message, where, "too_large")
    return text
