"""What servers call the end of an answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Literal

from backends.base import FinishReason
from backends.errors import UpstreamFailed

logger = logging.getLogger(__name__)

FAILED: Literal["failed"] = "failed"

# Lower case. OpenAI's four, then Mistral, Anthropic, Gemini, Zhipu (`sensitive`, `network_error`), DeepSeek
# (`insufficient_system_resource`), vLLM (`abort`) and OpenRouter (`error`).
REASONS: Mapping[str, FinishReason | Literal["failed"]] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "complete": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "tool_calls": "tool_calls",
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "sensitive": "content_filter",
    "safety": "content_filter",
    "refusal": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "spii": "content_filter",
    "network_error": FAILED,
    "insufficient_system_resource": FAILED,
    "malformed_function_call": FAILED,
    "error": FAILED,
    "abort": FAILED,
}


def finish_of(where: str, reason: Any, warnings: list[str]) -> FinishReason:
    """Our word for the server's. One that nobody knows is `stop`, and is added to `warnings`.

    Raises UpstreamFailed for one that means failure.
    """
    shown = str(reason)[:80]
    meaning = REASONS.get(str(reason).lower())
    if meaning == FAILED:
        raise UpstreamFailed(f"{where} gave up in the middle of its answer: {shown!r}", code=shown, retryable=True)
    if meaning is None:
        logger.warning("%s ended an answer with the unknown reason %r: taken as 'stop'", where, shown)
        warnings.append(f"unknown finish reason {shown!r} taken as 'stop'")
    return meaning or "stop"
