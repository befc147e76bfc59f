"""Asking again in the way a server's refusal suggests, where that changes nothing in what is asked."""

from __future__ import annotations

from typing import Any, Literal

from backends.errors import BackendError, RequestRefused
from backends.openai_wire import NO_THOUGHTS

Change = Literal["no stream_options", "max_completion_tokens", "max_tokens", "reasoning in every turn"]


def change_for(body: dict[str, Any], error: BackendError) -> Change | None:
    """What to change in a refused body; None when the refusal is about something else."""
    if not isinstance(error, RequestRefused) or error.status not in (400, 422):
        return None
    said = str(error)
    if "stream_options" in body and ("stream_options" in said or "include_usage" in said):
        return "no stream_options"
    if "max_tokens" in body and "max_completion_tokens" in said:
        return "max_completion_tokens"
    if "max_completion_tokens" in body and "max_completion_tokens" in said:
        return "max_tokens"
    if "reasoning_content" in said and any(_lacks_reasoning(message) for message in body["messages"]):
        return "reasoning in every turn"
    return None


def changed(body: dict[str, Any], change: Change) -> dict[str, Any]:
    """A new body; the same one if the change has nothing to do in it."""
    if change == "no stream_options":
        return {name: value for name, value in body.items() if name != "stream_options"}
    if change == "reasoning in every turn":
        messages = [
            {**message, "reasoning_content": NO_THOUGHTS} if _lacks_reasoning(message) else message
            for message in body["messages"]
        ]
        return body | {"messages": messages}
    old = "max_tokens" if change == "max_completion_tokens" else "max_completion_tokens"
    return {change if name == old else name: value for name, value in body.items()}


def _lacks_reasoning(message: dict[str, Any]) -> bool:
    return bool(message["role"] == "assistant" and not message.get("reasoning_content"))
