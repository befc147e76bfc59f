"""A request in the form of Ollama's `/api/chat`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from backends.base import Message, Request
from backends.errors import CapabilityMissing, RequestRefused
from backends.parameters import offers_tools, parameters
from backends.profiles import Parameter, Profile
from backends.tool_arguments import as_object

NAMES: dict[Parameter, str | None] = {
    "temperature": "temperature",
    "top_p": "top_p",
    "max_tokens": "num_predict",
    "stop": "stop",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "reasoning_effort": "think",
}


def chat_body(request: Request, profile: Profile, model: str) -> tuple[dict[str, Any], list[str]]:
    """The body to send, and a warning for each parameter that is not taken.

    Raises RequestRefused for a picture by its address, CapabilityMissing for a tool choice that Ollama does not know.
    """
    options, warnings = parameters(request, profile, NAMES)
    body: dict[str, Any] = {"model": model, "messages": list(_messages(request.messages)), "stream": True}
    if (effort := options.pop("think", None)) is not None:
        body["think"] = False if effort == "none" else effort
    if options:
        body["options"] = options
    if offers_tools(request):
        body["tools"] = _tools(request, profile)
    if request.json_schema is not None:
        body["format"] = dict(request.json_schema)
    if request.logprobs is not None:
        body["logprobs"] = True
        if request.logprobs > 0:
            body["top_logprobs"] = request.logprobs
    return with_extra(body, profile), warnings


def with_extra(body: dict[str, Any], profile: Profile) -> dict[str, Any]:
    """The body with the profile's `extra_body`; objects on both sides (`options`) are joined, not replaced."""
    joined = dict(body)
    for name, value in profile.extra_body.items():
        ours = joined.get(name)
        joined[name] = {**ours, **value} if isinstance(ours, dict) and isinstance(value, dict) else value
    return joined


def _messages(messages: Iterable[Message]) -> Iterable[dict[str, Any]]:
    names: dict[str, str] = {}
    for message in messages:
        names.update({call.id: call.name for call in message.tool_calls})
        yield _message(message, names)


def _message(message: Message, names: dict[str, str]) -> dict[str, Any]:
    """`names`: of the tools called so far, by the id of the call. Ollama knows results by the tool's name."""
    sent: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        sent["tool_calls"] = [
            {"function": {"name": call.name, "arguments": as_object(call.arguments)}} for call in message.tool_calls
        ]
        if message.reasoning:
            sent["thinking"] = message.reasoning
    if message.tool_call_id is not None and message.tool_call_id in names:
        sent["tool_name"] = names[message.tool_call_id]
    if message.images:
        sent["images"] = [_data(image.data) for image in message.images]
    return sent


def _data(data: str) -> str:
    if not data:
        raise RequestRefused(
            "Ollama takes pictures as data only, not by their address, and nothing here fetches one: "
            "send it as 'data:image/png;base64,...'"
        )
    return data


def _tools(request: Request, profile: Profile) -> list[dict[str, Any]]:
    if request.tool_choice != "auto":
        raise CapabilityMissing(
            f"{profile.name!r} cannot be made to call a tool: use tool_choice 'auto', not {request.tool_choice!r}, "
            "or a server of OpenAI's form that has the choice",
            code="tools",
        )
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
        }
        for tool in request.tools
    ]
