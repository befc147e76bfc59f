"""What the user said last, for backends that do not read the whole conversation."""

from __future__ import annotations

from collections.abc import Sequence

from backends.base import Request


def last_user_text(request: Request) -> str:
    """The last user message; '' when there is none."""
    return next((message.content for message in reversed(request.messages) if message.role == "user"), "")


def system_text(request: Request) -> str:
    return "\n".join(message.content for message in request.messages if message.role == "system")


def results_since(request: Request) -> int:
    """How many results of tools follow the last user message."""
    roles = [message.role for message in request.messages]
    since = len(roles) - 1 - roles[::-1].index("user") if "user" in roles else 0
    return roles[since:].count("tool")


def before_stop(text: str, stop: Sequence[str]) -> str:
    """The text up to the first of the stop sequences, which a model would not have written either."""
    places = [place for word in stop if word and (place := text.find(word)) >= 0]
    return text[: min(places)] if places else text


def shortened(text: str, length: int = 200) -> str:
    """One line of at most `length` characters: the beginning and the end of a longer text."""
    line = " ".join(text.split())
    half = (length - 3) // 2
    return line if len(line) <= length else f"{line[:half]} … {line[-half:]}"
