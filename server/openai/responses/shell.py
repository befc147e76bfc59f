"""A response before anything has happened: what was asked, as OpenAI's object repeats it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from server.openai.responses.schema import CreateResponse

ECHOED = (
    "instructions", "max_output_tokens", "max_tool_calls", "model", "previous_response_id", "prompt_cache_key",
    "safety_identifier", "service_tier", "temperature", "top_p", "user",
)  # fmt: skip


def shell_of(body: CreateResponse, response_id: str, created_at: float, conversation_id: str | None) -> dict[str, Any]:
    asked = body.model_dump(mode="json", by_alias=True)
    text = asked["text"] or {}
    return {
        "id": response_id,
        "object": "response",
        "created_at": int(created_at),
        "status": "queued" if body.background else "in_progress",
        "background": bool(body.background),
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "output": [],
        "usage": None,
        **{name: asked[name] for name in ECHOED},
        "conversation": {"id": conversation_id} if conversation_id else None,
        "metadata": body.metadata or {},
        "parallel_tool_calls": body.parallel_tool_calls is not False,
        "reasoning": {"effort": None, "summary": None, **_given(asked["reasoning"])},
        "store": body.store is not False,
        "text": {"format": _given(text.get("format")) or {"type": "text"}, "verbosity": text.get("verbosity")},
        "tool_choice": _given(asked["tool_choice"]) if isinstance(asked["tool_choice"], dict) else _word(asked),
        "tools": [_tool(tool) for tool in asked["tools"] or ()],
        "top_logprobs": body.top_logprobs or 0,
        "truncation": "disabled",
    }


def _given(asked: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (asked or {}).items() if value is not None}


def _word(asked: dict[str, Any]) -> str:
    return asked["tool_choice"] or "auto"


def _tool(asked: dict[str, Any]) -> dict[str, Any]:
    """A function's schema and strictness are told even where they were left out: clients count on them."""
    always = {"parameters": asked["parameters"], "strict": bool(asked["strict"])} if asked["type"] == "function" else {}
    return {**_given(asked), **always}
