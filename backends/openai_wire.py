"""A request in the form of OpenAI's `/chat/completions`, bent to what one server takes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from backends.base import Image, Message, Request, ToolCall
from backends.errors import CapabilityMissing, RequestRefused
from backends.images import url_of
from backends.parameters import offers_tools, parameters
from backends.profiles import Flags, Parameter, Profile
from backends.prompts import SCHEMA_PROMPT

# Some servers refuse an assistant turn without thoughts, and an empty string counts as none.
NO_THOUGHTS = " "
NAMES: Mapping[Parameter, str | None] = {name: name for name in get_args(Parameter)}


def chat_body(request: Request, profile: Profile, model: str) -> tuple[dict[str, Any], list[str]]:
    """The body to send, and a warning for each parameter that this server does not take.

    Raises RequestRefused for a tool choice that names no offered tool, CapabilityMissing for one the server cannot
    follow.
    """
    flags = profile.flags
    sampling, warnings = parameters(request, profile, NAMES)
    body: dict[str, Any] = {"model": model, "messages": _messages(request, flags), "stream": True, **sampling}
    usage = flags.names.get("stream_options", "stream_options")
    if usage is not None:
        body[usage] = {"include_usage": True}
    if offers_tools(request):
        body |= _tools(request, profile)
    if request.json_schema is not None and flags.json_form in ("schema", "auto"):
        body["response_format"] = {"type": "json_schema", "json_schema": _schema(request.json_schema)}
    elif request.json_schema is not None:
        body["response_format"] = {"type": "json_object"}
    if request.logprobs is not None:
        body["logprobs"] = True
        if request.logprobs > 0:
            body["top_logprobs"] = request.logprobs
    return body | dict(profile.extra_body), warnings


def _messages(request: Request, flags: Flags) -> list[dict[str, Any]]:
    # A conversation in which no turn has thoughts was not held with a reasoning model.
    echo = flags.echo_reasoning and any(message.reasoning for message in request.messages)
    messages = [_message(message, echo) for message in _pictures_shown(request.messages)]
    if request.json_schema is not None and flags.json_form == "object":
        schema = json.dumps(request.json_schema, ensure_ascii=False)
        last_system = sum(1 for message in request.messages if message.role == "system")
        messages.insert(last_system, {"role": "system", "content": SCHEMA_PROMPT.format(schema=schema)})
    return messages


def _pictures_shown(messages: Iterable[Message]) -> Iterator[Message]:
    """Tools answer in text only in this form: their pictures follow in a turn of the user, after the last result."""
    pictures: tuple[Image, ...] = ()
    for message in messages:
        if pictures and message.role != "tool":
            yield Message(role="user", images=pictures)
            pictures = ()
        if message.role == "tool" and message.images:
            pictures += message.images
            message = message.model_copy(update={"images": ()})
        yield message
    if pictures:
        yield Message(role="user", images=pictures)


def _message(message: Message, echo_reasoning: bool) -> dict[str, Any]:
    sent: dict[str, Any] = {"role": message.role, "content": _content(message)}
    if message.tool_calls:
        sent["content"] = message.content or None
        sent["tool_calls"] = [_call(call) for call in message.tool_calls]
        if echo_reasoning:
            sent["reasoning_content"] = message.reasoning or NO_THOUGHTS
    if message.tool_call_id is not None:
        sent["tool_call_id"] = message.tool_call_id
    return sent


def _content(message: Message) -> str | list[dict[str, Any]]:
    if not message.images:
        return message.content
    text = [{"type": "text", "text": message.content}] if message.content else []
    return text + [{"type": "image_url", "image_url": _image(image)} for image in message.images]


def _image(image: Image) -> dict[str, Any]:
    detail = {} if image.detail == "auto" else {"detail": image.detail}
    return {"url": url_of(image), **detail}


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    return {**call.extra, "id": call.id, "type": "function", "function": function}


def _tools(request: Request, profile: Profile) -> dict[str, Any]:
    form, choice = profile.flags.tool_choice, request.tool_choice
    offered = request.tools
    sent: Any = choice
    if choice not in ("auto", "required"):
        offered = tuple(tool for tool in request.tools if tool.name == choice)
        if not offered:
            names = [tool.name for tool in request.tools]
            raise RequestRefused(f"tool_choice names {choice!r}, which is not among the tools offered: {names!r}")
        sent = {"type": "function", "function": {"name": choice}} if form == "full" else "required"
    if form == "auto" and choice != "auto":
        raise CapabilityMissing(
            f"{profile.name!r} cannot be made to call a tool: use tool_choice 'auto', not {choice!r}, "
            "or a backend with tool_choice 'words' or 'full' in its profile",
            code="tools",
        )
    functions = [
        {
            "name": tool.name,
            "description": tool.description,
            "parameters": dict(tool.parameters),
            # OpenAI refuses a schema that is sent as strict and breaks its rules for it.
            **({"strict": True} if tool.strict and is_strict(tool.parameters) else {}),
        }
        for tool in (request.tools if form == "full" else offered)
    ]
    tools = [{"type": "function", "function": function} for function in functions]
    return {"tools": tools} if sent == "auto" else {"tools": tools, "tool_choice": sent}


def _schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    name = "".join(char if char.isascii() and char.isalnum() else "_" for char in str(schema.get("title", "")))
    return {"name": name[:64] or "answer", "schema": dict(schema), "strict": is_strict(schema)}


def is_strict(schema: Any) -> bool:
    """Whether a schema keeps OpenAI's rules for `strict`: in every object all properties required and no others.

    OpenAI refuses a schema that is sent as strict and is not, and holds the answer to it only if it is sent as strict.
    """
    if isinstance(schema, list):
        return all(is_strict(part) for part in schema)
    if not isinstance(schema, Mapping):
        return True
    if schema.get("type") == "object" or isinstance(schema.get("properties"), Mapping):
        properties, required = schema.get("properties") or {}, schema.get("required") or []
        if schema.get("additionalProperties") is not False or sorted(map(str, required)) != sorted(properties):
            return False
    return all(is_strict(part) for part in schema.values())
