"""A request in LangChain's messages, tools and names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, get_args

from backends.base import Image, Message, Request
from backends.errors import RequestRefused
from backends.parameters import offers_tools
from backends.profiles import Parameter
from backends.tool_arguments import as_object

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessageChunk, BaseMessage
    from langchain_core.runnables import Runnable

OWN = "langchain"
"""Our name for LangChain in `Message.extra`; under it the content of a turn that was more than text."""
ASKED_PER_CALL = ("stop", "parallel_tool_calls", "stream_options")


def constructor_names(model: BaseChatModel) -> set[str]:
    """What the model's constructor takes. Most of LangChain's pass over anything else without a word."""
    fields = type(model).model_fields
    return {*fields, *(field.alias for field in fields.values() if field.alias)}


def names_of(model: BaseChatModel) -> dict[Parameter, str | None]:
    """The sampling parameters that the model's constructor has."""
    known = constructor_names(model)
    names: dict[Parameter, str | None] = {
        name: name for name in get_args(Parameter) if name in known and name not in ASKED_PER_CALL
    }
    return {**names, "stop": "stop"}


def bound(model: BaseChatModel, request: Request) -> Runnable[Any, AIMessageChunk]:
    """The model with the request's tools. Raises RequestRefused."""
    if not offers_tools(request):
        return model  # type: ignore[return-value]  # it streams chunks, though it is typed as giving messages
    choice = {"auto": None, "required": "any"}.get(request.tool_choice, request.tool_choice)
    names = [tool.name for tool in request.tools]
    if choice not in (None, "any", *names):
        raise RequestRefused(f"tool_choice names {choice!r}, which is not among the tools offered: {names!r}")
    tools = [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": dict(tool.parameters)},
        }
        for tool in request.tools
    ]
    return model.bind_tools(tools, **({} if choice is None else {"tool_choice": choice}))  # type: ignore[return-value]


def messages_of(messages: Sequence[Message]) -> list[BaseMessage]:
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

    made: list[BaseMessage] = []
    for message in messages:
        match message.role:
            case "system":
                made.append(SystemMessage(message.content))
            case "user":
                made.append(HumanMessage(_content(message)))
            case "tool":
                made.append(ToolMessage(_content(message), tool_call_id=message.tool_call_id or ""))
            case "assistant":
                calls = [
                    {"name": call.name, "args": as_object(call.arguments), "id": call.id, "type": "tool_call"}
                    for call in message.tool_calls
                ]
                made.append(AIMessage(_as_received(message), tool_calls=calls))
    return made


def _as_received(message: Message) -> Any:
    """Blocks that the provider wants back unchanged (signed thoughts), unless the turn was changed since."""
    held = message.extra.get(OWN)
    if isinstance(held, dict) and held.get("text") == message.content:
        return held["content"]
    return message.content


def _content(message: Message) -> Any:
    if not message.images:
        return message.content
    text = [{"type": "text", "text": message.content}] if message.content else []
    return [*text, *map(_image, message.images)]


def _image(image: Image) -> dict[str, Any]:
    if image.url:
        return {"type": "image", "url": image.url}
    return {"type": "image", "base64": image.data, "mime_type": image.media_type}
