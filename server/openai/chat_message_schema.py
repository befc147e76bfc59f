"""One message of a chat: its roles, its parts, its calls of tools."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from server.openai.function_tools import MOST
from server.openai.schema import UNICODE, Body, Json, Text


class TextPart(Body):
    type: Literal["text"]
    text: Text
    prompt_cache_breakpoint: Any | None = None


class RefusalPart(Body):
    type: Literal["refusal"]
    refusal: Text


class ImageUrl(Body):
    url: Text
    detail: Literal["auto", "low", "high"] | None = None


class ImagePart(Body):
    type: Literal["image_url"]
    image_url: ImageUrl
    prompt_cache_breakpoint: Any | None = None


class OtherPart(BaseModel):
    """Audio and files: known to the API, but no backend here takes them."""

    model_config = ConfigDict(extra="allow")
    type: Literal["input_audio", "file"]


Part = Annotated[TextPart | RefusalPart | ImagePart | OtherPart, Field(discriminator="type")]


class CalledFunction(Body):
    name: Text
    arguments: Text


class FunctionCall(Body):
    id: Annotated[str, Field(min_length=1), UNICODE]
    type: Literal["function"]
    function: CalledFunction
    extra_content: Json | None = None
    """What some providers want back with a call (Gemini's signature of its thoughts)."""


class OtherCall(BaseModel):
    model_config = ConfigDict(extra="allow")
    type: Literal["custom"]


Call = Annotated[FunctionCall | OtherCall, Field(discriminator="type")]


class ChatMessage(Body):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Text | list[Part] | None = None
    name: Text | None = None
    refusal: Text | None = None
    annotations: list[Any] | None = None
    reasoning_content: Text | None = None
    reasoning: Text | None = None
    tool_calls: Annotated[list[Call], Field(max_length=MOST)] | None = None
    tool_call_id: Text | None = None
    function_call: Any | None = None
    audio: Any | None = None
    provider_specific_fields: Any | None = None
    """How litellm sends a message back that it was given: with those of its fields that OpenAI's has not. No effect."""
