"""A request in the form of Anthropic's `/v1/messages`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from backends.anthropic_schema import enforceable
from backends.base import Image, Message, Request
from backends.errors import RequestRefused
from backends.ollama_wire import with_extra
from backends.parameters import offers_tools, parameters
from backends.profiles import Parameter, Profile
from backends.prompts import SCHEMA_PROMPT
from backends.tool_arguments import as_object

NAMES: Mapping[Parameter, str | None] = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "max_tokens",
    "stop": "stop_sequences",
    "reasoning_effort": "effort",
    "parallel_tool_calls": "parallel",
}
# The API wants a number. All models served today write as many.
MAX_TOKENS = 8192
OWN = "anthropic"
"""Our name of the provider in `Message.extra`; under it the blocks of a turn that had signed thoughts."""


def message_body(request: Request, profile: Profile, model: str) -> tuple[dict[str, Any], list[str]]:
    """The body to send, and a warning for each thing that is not taken as it was asked.

    Raises RequestRefused for a tool choice that names no offered tool, and for a tool's result without its call.
    """
    sampling, warnings = parameters(request, profile, NAMES)
    effort, parallel = sampling.pop("effort", None), sampling.pop("parallel", True)
    system = [message.content for message in request.messages if message.role == "system" and message.content]
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": MAX_TOKENS,
        "messages": _turns(request.messages),
        "stream": True,
        **sampling,
    }
    if effort is not None:
        body["output_config"] = {"effort": effort}
    if offers_tools(request) or (request.tools and profile.flags.tools is not False):
        body |= _tools(request, parallel)
    if request.json_schema is not None:
        if profile.flags.json_form in ("schema", "auto") and enforceable(request.json_schema):
            form = {"type": "json_schema", "schema": dict(request.json_schema)}
            body["output_config"] = {**body.get("output_config", {}), "format": form}
        else:
            system.append(SCHEMA_PROMPT.format(schema=json.dumps(request.json_schema, ensure_ascii=False)))
            warnings.append("the answer's schema has parts that Anthropic does not enforce: it was asked for in words")
    if system:
        body["system"] = "\n\n".join(system)
    return with_extra(body, profile), warnings


def _turns(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """User and assistant turns. Results of tools are blocks of a user turn, those of one turn's calls together."""
    turns: list[dict[str, Any]] = []
    results: list[dict[str, Any]] | None = None
    for message in messages:
        if message.role == "tool":
            if results is None:
                results = []
                turns.append({"role": "user", "content": results})
            results.append(_result(message))
            continue
        content = _content(message) if message.role != "system" else ""
        if message.role != "system" and (content or message.role == "user"):  # an empty assistant turn is refused
            turns.append({"role": message.role, "content": content})
            results = None
    return turns


def _content(message: Message) -> str | list[dict[str, Any]]:
    signed = _as_received(message)
    if signed:
        return signed
    if not message.images and not message.tool_calls:
        return message.content
    text = [{"type": "text", "text": message.content}] if message.content.strip() else []
    calls = [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": as_object(call.arguments)}
        for call in message.tool_calls
    ]
    return [*text, *map(_image, message.images), *calls]


def _as_received(message: Message) -> list[dict[str, Any]]:
    """The blocks of a turn with signed thoughts, which are taken back unchanged only; [] if the turn was changed."""
    held = message.extra.get(OWN)
    blocks = [dict(block) for block in held.get("content", ())] if isinstance(held, Mapping) else []
    text = "".join(block["text"] for block in blocks if block["type"] == "text")
    calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
    same = text == message.content and calls == [call.id for call in message.tool_calls]
    return blocks if same else []


def _image(image: Image) -> dict[str, Any]:
    if image.url:
        return {"type": "image", "source": {"type": "url", "url": image.url}}
    return {"type": "image", "source": {"type": "base64", "media_type": image.media_type, "data": image.data}}


def _result(message: Message) -> dict[str, Any]:
    if message.tool_call_id is None:
        raise RequestRefused("a message of role 'tool' needs the tool_call_id of the call that it answers")
    content: str | list[dict[str, Any]] = message.content
    if message.images:
        text = [{"type": "text", "text": message.content}] if message.content.strip() else []
        content = [*text, *map(_image, message.images)]
    return {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": content}


def _tools(request: Request, parallel: bool) -> dict[str, Any]:
    tools = [
        {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)}
        for tool in request.tools
    ]
    # Calls in earlier turns are refused without the tools, so they are sent also where none may be called.
    words, names = {"auto": "auto", "required": "any", "none": "none"}, [tool.name for tool in request.tools]
    choice: dict[str, Any] = {"type": words.get(request.tool_choice, "tool")}
    if choice["type"] == "tool":
        if request.tool_choice not in names:
            raise RequestRefused(
                f"tool_choice names {request.tool_choice!r}, which is not among the tools offered: {names!r}"
            )
        choice["name"] = request.tool_choice
    if not parallel and choice["type"] != "none":
        choice["disable_parallel_tool_use"] = True
    return {"tools": tools} if choice == {"type": "auto"} else {"tools": tools, "tool_choice": choice}
