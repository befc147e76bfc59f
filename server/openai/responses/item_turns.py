"""From items, as they are kept, to the messages that a backend reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from server.errors import bad_request
from server.openai.chat_messages import image
from server.openai.turns import Turn

if TYPE_CHECKING:
    from backends.base import Image
    from server.openai.responses.items import Kept


def turns_of(items: Iterable[tuple[str, Kept]]) -> list[Turn]:
    """Each item comes with its place in the request. What an assistant thought, said and called without a word from
    anybody else is one message of its. Raises ApiError."""
    turns: list[Turn] = []
    for where, item in items:
        match item["type"]:
            case "message" if item["role"] == "assistant":
                _assistant(turns, where, content=_text(item["content"]))
            case "message":
                turns.append(_said(item, where))
            case "function_call":
                _assistant(turns, where, call=item)
            case "function_call_output":
                turns.append(_result(item, where))
            case "reasoning":
                _assistant(turns, where, reasoning=_thoughts(item))
            case _:
                pass
    # Thoughts alone are no turn.
    return [turn for turn in turns if _is_something(turn)]


def _is_something(turn: Turn) -> bool:
    said = turn.message
    return said.role != "assistant" or bool(said.content or said.tool_calls)


def _said(item: Kept, where: str) -> Turn:
    from backends.base import Message

    role: Literal["user", "system"] = "user" if item["role"] == "user" else "system"
    images = _images(item["content"], f"{where}.content")
    if images and role == "system":
        message = f"{where}.content has an image; images go with messages of the user."
        raise bad_request(message, f"{where}.content", "unsupported_parameter")
    return Turn(where, Message(role=role, content=_text(item["content"]), images=images))


def _result(item: Kept, where: str) -> Turn:
    from backends.base import Message

    output = item["output"]
    text = output if isinstance(output, str) else _text(output)
    images = () if isinstance(output, str) else _images(output, f"{where}.output")
    return Turn(where, Message(role="tool", content=text, images=images, tool_call_id=item["call_id"]))


def _assistant(
    turns: list[Turn], where: str, *, content: str = "", reasoning: str = "", call: Kept | None = None
) -> None:
    """Add to the assistant's message at the end, or begin one."""
    from backends.base import Message, ToolCall

    calls: tuple[ToolCall, ...] = ()
    if call is not None:
        extra = {"extra_content": call["extra_content"]} if "extra_content" in call else {}
        calls = (ToolCall(id=call["call_id"], name=call["name"], arguments=call["arguments"], extra=extra),)
    before = turns[-1].message if turns and turns[-1].message.role == "assistant" else None
    if before is None:
        made = Message(role="assistant", content=content, reasoning=reasoning, tool_calls=calls)
        turns.append(Turn(where, made))
        return
    changed = {
        "content": _joined(before.content, content),
        "reasoning": _joined(before.reasoning, reasoning),
        "tool_calls": before.tool_calls + calls,
    }
    turns[-1] = Turn(where, before.model_copy(update=changed))


def _joined(*texts: str) -> str:
    return "\n".join(filter(None, texts))


def _text(parts: Sequence[dict[str, Any]]) -> str:
    return "\n".join(part.get("text") or part.get("refusal") or "" for part in parts if part["type"] != "input_image")


def _thoughts(item: Kept) -> str:
    """The model's own words. A summary is what the service told of the run, and no thought of the model's."""
    return "".join(part["text"] for part in item.get("content") or ())


def _images(parts: Sequence[dict[str, Any]], where: str) -> tuple[Image, ...]:
    found = []
    for n, part in enumerate(parts):
        if part["type"] == "input_image":
            found.append(image(part["image_url"], part["detail"], f"{where}[{n}].image_url"))
    return tuple(found)
