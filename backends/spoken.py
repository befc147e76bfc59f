"""A chat as plain text, for models and servers that know no template for one."""

from __future__ import annotations

from collections.abc import Sequence

from backends.base import Message

NAMES = {"system": "", "user": "User: ", "assistant": "Assistant: ", "tool": "Result: "}


def spoken(messages: Sequence[Message]) -> str:
    """Text to go on with; a single message as it stands."""
    if len(messages) == 1:
        return messages[0].content
    return "\n\n".join([*(NAMES[message.role] + message.content for message in messages), "Assistant:"])


def joined(messages: Sequence[Message]) -> str:
    """The prompt of a plain request."""
    return "".join(message.content for message in messages)
