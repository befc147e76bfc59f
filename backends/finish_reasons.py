"""What servers call the end of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from backends.base import FinishReason

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
