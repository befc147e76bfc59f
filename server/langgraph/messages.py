"""Messages in LangChain's form, which LangGraph's clients speak, and ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from server.errors import ApiError
from server.langgraph.message_ids import Named

if TYPE_CHECKING:
    from backends.base import Image, Message

ROLES = {
    "human": "user", "user": "user", "ai": "assistant", "assistant": "assistant", "AIMessageChunk": "assistant",
    "system": "system", "developer": "system",
}  # fmt: skip
TYPES = {"user": "human", "assistant": "ai", "system": "system", "tool": "tool"}
NO_EFFECT = frozenset(
    {
        "name", "example", "additional_kwargs", "response_metadata", "usage_metadata", "tool_calls",
        "invalid_tool_calls", "tool_call_chunks", "chunk_position", "refusal",
    }
)  # fmt: skip
"""Fields of LangChain's messages that say nothing a pipeline could use."""
MOST = 2_000
MOST_CHARACTERS = 4_000_000


def to_langchain(id: str, message: Message) -> dict[str, Any]:
    kind = TYPES[message.role]
    made: dict[str, Any] = {
        "content": _content(message),
        "additional_kwargs": {"reasoning_content": message.reasoning} if message.reasoning else {},
        "response_metadata": {},
        "type": kind,
        "name": None,
        "id": id,
    }
    if kind == "ai":
        calls = [_tool_call(call.id, call.name, call.arguments) for call in message.tool_calls]
        made |= {"tool_calls": calls, "invalid_tool_calls": [], "usage_metadata": None}
    if kind == "tool":
        made |= {"tool_call_id": message.tool_call_id, "artifact": None, "status": "success"}
    return made


def chunk(text: str, id: str, *, reasoning: bool = False) -> dict[str, Any]:
    """A piece of an answer: LangChain's AIMessageChunk."""
    return {
        "content": "" if reasoning else text,
        "additional_kwargs": {"reasoning_content": text} if reasoning else {},
        "response_metadata": {},
        "type": "AIMessageChunk",
        "name": None,
        "id": id,
        "tool_calls": [],
        "invalid_tool_calls": [],
        "usage_metadata": None,
        "tool_call_chunks": [],
        "chunk_position": None,
    }


def from_langchain(given: Any, where: str) -> list[Named]:
    """The messages that a client sends: one or a list, each an object, a pair of role and text, or a text of the
    user's. Raises ApiError that names the place."""
    listed = given if isinstance(given, list) else [given]
    if len(listed) > MOST:
        raise invalid(where, f"has {len(listed)} messages; at most {MOST} are taken")
    made = [_message(item, f"{where}[{n}]" if listed is given else where) for n, item in enumerate(listed)]
    if sum(len(message.content) for _, message in made) > MOST_CHARACTERS:
        raise invalid(where, f"has more than {MOST_CHARACTERS} characters in all")
    return made


def invalid(where: str, why: str) -> ApiError:
    return ApiError(422, f"Invalid value for {where!r}: it {why}.", param=where, code="invalid_value")


def _message(item: Any, where: str) -> Named:
    from backends.base import Message

    if isinstance(item, str):
        return Named("", Message(role="user", content=item))
    if isinstance(item, list) and len(item) == 2:
        item = {"role": item[0], "content": item[1]}
    if not isinstance(item, dict):
        raise invalid(where, "must be a message: an object with 'type' (or 'role') and 'content'")
    kind = item.get("type", item.get("role"))
    if not isinstance(kind, str) or kind not in ROLES:
        name = "type" if "type" in item else "role"
        raise invalid(f"{where}.{name}", f"is {str(kind)[:50]!r}; it must be one of {', '.join(ROLES)}")
    unknown = sorted(set(item) - NO_EFFECT - {"type", "role", "content", "id"})
    if unknown:
        field = f"{where}.{unknown[0]}"
        raise ApiError(422, f"Unknown parameter: {field!r}.", param=field, code="unknown_parameter")
    if item.get("tool_calls"):
        raise invalid(f"{where}.tool_calls", "must be empty: a pipeline calls its own tools")
    id = item.get("id")
    if not isinstance(id, str | None):
        raise invalid(f"{where}.id", "must be a text")
    text, images = _read_content(item.get("content"), f"{where}.content")
    role: Any = ROLES[kind]
    if images and role != "user":
        raise invalid(f"{where}.content", "has an image, which only a message of the user may have")
    return Named(id or "", Message(role=role, content=text, images=tuple(images)))


def _read_content(content: Any, where: str) -> tuple[str, list[Image]]:
    if content is None or isinstance(content, str):
        return content or "", []
    if not isinstance(content, list):
        raise invalid(where, "must be a text or a list of parts")
    texts: list[str] = []
    images: list[Image] = []
    for n, part in enumerate(content):
        place = f"{where}[{n}]"
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
            texts.append(part["text"])
        elif isinstance(part, dict) and part.get("type") in ("image_url", "image"):
            images.append(_image(part, place))
        else:
            kind = part.get("type") if isinstance(part, dict) else part
            raise invalid(place, f"is {str(kind)[:50]!r}; only parts of type 'text', 'image_url' and 'image' are taken")
    return "\n".join(texts), images


def _image(part: Mapping[str, Any], where: str) -> Image:
    """OpenAI's `image_url`, or LangChain's `image` with `data` or `url`."""
    from backends.images import image_of

    url: Any = part.get("image_url", part.get("url"))
    url = url.get("url") if isinstance(url, dict) else url
    if url is None and isinstance(part.get("data"), str):
        kind = part.get("mimeType") or part.get("mime_type") or part.get("media_type")
        url = f"data:{kind};base64,{part['data']}"
    if not isinstance(url, str):
        raise invalid(where, "must have 'image_url', 'url' or 'data'")
    try:
        return image_of(url)
    except ValueError as error:
        raise ApiError(422, f"Invalid value for {where!r}: {error}.", param=where, code="invalid_value") from None


def _content(message: Message) -> str | list[dict[str, Any]]:
    from backends.images import url_of

    if not message.images:
        return message.content
    pictures: Sequence[Any] = [{"type": "image_url", "image_url": {"url": url_of(i)}} for i in message.images]
    return [{"type": "text", "text": message.content}, *pictures]


def _tool_call(id: str, name: str, arguments: str) -> dict[str, Any]:
    import json

    try:
        read = json.loads(arguments)
    except ValueError:
        read = None
    return {"name": name, "args": read if isinstance(read, dict) else {}, "id": id, "type": "tool_call"}
