"""From the messages and wishes of a chat completion to those of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from server.errors import bad_request
from server.openai.chat_message_schema import FunctionCall, ImagePart, OtherCall, OtherPart, RefusalPart, TextPart
from server.openai.chat_schema import AllowedChoice, FunctionTool, NamedChoice, ObjectFormat, SchemaFormat
from server.openai.function_tools import check_schemas, chosen, specs
from server.openai.turns import Turn

if TYPE_CHECKING:
    from agents.run import Sampling
    from agents.wishes import Wishes
    from backends.base import Image, ToolCall, ToolSpec
    from server.openai.chat_message_schema import ChatMessage
    from server.openai.chat_schema import ChatCompletion

PARAMS = {
    "tools": "tools",
    "tool_choice": "tool_choice",
    "parallel_tool_calls": "parallel_tool_calls",
    "json_schema": "response_format",
    "logprobs": "logprobs",
    "images": "messages",
}
"""Wishes, and what a backend must be able to do, by the fields that ask for it."""


def turns_of(body: ChatCompletion) -> list[Turn]:
    """Raises ApiError for what no pipeline could be given."""
    return [_turn(message, f"messages[{n}]") for n, message in enumerate(body.messages)]


def _turn(message: ChatMessage, where: str) -> Turn:
    from backends.base import Message

    if message.role == "function" or message.function_call is not None or message.audio is not None:
        field = "role" if message.role == "function" else "audio" if message.audio is not None else "function_call"
        told = f"'{where}.{field}' is not supported here; calls of functions are 'tool_calls' and the role 'tool'."
        raise bad_request(told, f"{where}.{field}", "unsupported_parameter")
    role = "system" if message.role == "developer" else message.role
    for field, only in (("tool_calls", "assistant"), ("tool_call_id", "tool")):
        if getattr(message, field) and role != only:
            told = f"'{where}.{field}' goes with the role {only!r}, not {message.role!r}."
            raise bad_request(told, f"{where}.{field}", "invalid_value")
    if role == "tool" and not message.tool_call_id:
        told = f"{where} is from a tool; 'tool_call_id' must say which call it answers."
        raise bad_request(told, f"{where}.tool_call_id", "missing_required_parameter")
    text, images = _content(message, where)
    made = Message(
        role=role,
        content=text,
        images=images,
        reasoning=message.reasoning_content or message.reasoning or "" if role == "assistant" else "",
        tool_calls=tuple(_call(call, f"{where}.tool_calls[{n}]") for n, call in enumerate(message.tool_calls or ())),
        tool_call_id=message.tool_call_id,
    )
    return Turn(where, made)


def _content(message: ChatMessage, where: str) -> tuple[str, tuple[Image, ...]]:
    if not isinstance(message.content, list):
        return message.content or message.refusal or "", ()
    texts: list[str] = []
    images: list[Image] = []
    for n, part in enumerate(message.content):
        place = f"{where}.content[{n}]"
        match part:
            case TextPart():
                texts.append(part.text)
            case RefusalPart():
                texts.append(part.refusal)
            case ImagePart() if message.role == "user":
                images.append(image(part.image_url.url, part.image_url.detail, f"{place}.image_url.url"))
            case ImagePart() | OtherPart():
                told = f"{place} is {part.type!r}; text is taken, and images in messages of the user."
                raise bad_request(told, place, "unsupported_parameter")
    return "\n".join(texts), tuple(images)


def image(url: str, detail: Any, param: str) -> Image:
    """Raises ApiError if there is no picture of a known kind in the URL."""
    from backends.images import image_of

    try:
        return image_of(url, detail or "auto")
    except ValueError as error:
        raise bad_request(f"{param!r}: {error}.", param, "invalid_image") from None


def _call(call: FunctionCall | OtherCall, where: str) -> ToolCall:
    from backends.base import ToolCall

    if isinstance(call, OtherCall):
        raise bad_request(f"{where} is {call.type!r}; only calls of functions are taken.", where, "invalid_value")
    extra = {} if call.extra_content is None else {"extra_content": call.extra_content}
    return ToolCall(id=call.id, name=call.function.name, arguments=call.function.arguments, extra=extra)


def wishes_of(body: ChatCompletion) -> Wishes:
    """Only what asks for something is set. Raises ApiError."""
    from agents.wishes import Wishes

    asked: dict[str, Any] = {}
    tools, choice = _tools(body)
    if tools and choice != "none":
        asked |= {"tools": tools, "tool_choice": choice}
        asked |= {"parallel_tool_calls": body.parallel_tool_calls} if body.parallel_tool_calls is not None else {}
    if (schema := schema_of(body)) is not None:
        asked["json_schema"] = schema
    if body.logprobs:
        asked["logprobs"] = body.top_logprobs or 0
    return Wishes(**asked)


def _tools(body: ChatCompletion) -> tuple[tuple[ToolSpec, ...], str]:
    tools = [tool for tool in body.tools or () if isinstance(tool, FunctionTool)]
    offered = specs([(f"tools[{n}].function", tool.function) for n, tool in enumerate(tools)])
    match body.tool_choice:
        case NamedChoice(function=named):
            return chosen(offered, named.name)
        case AllowedChoice(allowed_tools=allowed):
            return chosen(offered, allowed.mode, [tool.function.name for tool in allowed.tools])
        case word:
            return chosen(offered, word or "auto")


def schema_of(body: ChatCompletion) -> dict[str, Any] | None:
    """The JSON schema that the answer must fit; None: it may be any text."""
    match body.response_format:
        case ObjectFormat():
            return {"type": "object"}
        case SchemaFormat(json_schema=asked):
            return named_schema(asked.schema_, asked.name, asked.description, "response_format.json_schema.schema")
        case _:
            return None


def named_schema(schema: dict[str, Any] | None, name: str, description: str | None, param: str) -> dict[str, Any]:
    """With the name as its title, which is how backends learn of it. Raises ApiError if it is no schema."""
    given = schema or {"type": "object"}
    check_schemas({param: given}, param)
    about = {"description": description} if description else {}
    return {"title": name, **about, **given}


def sampling_of(body: ChatCompletion) -> Sampling:
    from agents.run import Sampling

    names = (
        "temperature", "top_p", "seed", "frequency_penalty", "presence_penalty", "logit_bias", "reasoning_effort",
    )  # fmt: skip
    return Sampling(
        max_tokens=body.max_completion_tokens or body.max_tokens,
        stop=(body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ()),
        **{name: getattr(body, name) for name in names},
    )
