"""The blocks of which an Anthropic message is made, as they grow, and its token counts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from backends.base import Usage
from backends.unicode import whole

COUNTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")


class Block:
    """One content block. Kinds that are not ours to read (the server's own tools) are passed over."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.kind = str(fields.get("type"))
        self.text = _words(fields, "text") if self.kind == "text" else ""
        self.thoughts = _words(fields, "thinking") if self.kind == "thinking" else ""
        self._fields = fields
        self._signature = _words(fields, "signature")
        self._input = ""

    @property
    def signed(self) -> bool:
        """Thoughts that the API wants back unchanged."""
        return bool(self._signature) or self.kind == "redacted_thinking"

    @property
    def kept(self) -> bool:
        """Empty text is refused by the API, also where it comes from itself."""
        return self.kind != "text" or bool(self.text)

    @property
    def can_go_back(self) -> bool:
        own = self.kind in ("text", "thinking", "redacted_thinking")
        return own or (self.kind == "tool_use" and isinstance(self._arguments(), dict))

    def add(self, delta: Mapping[str, Any]) -> tuple[str, str]:
        """Take a `content_block_delta`; gives the text and the thoughts in it."""
        text, thoughts = "", ""
        match delta.get("type"):
            case "text_delta":
                text = _words(delta, "text")
            case "thinking_delta":
                thoughts = _words(delta, "thinking")
            case "signature_delta":
                self._signature += _words(delta, "signature")
            case "input_json_delta":
                self._input += _words(delta, "partial_json")
        self.text += text
        self.thoughts += thoughts
        return text, thoughts

    def piece(self, number: int) -> dict[str, Any]:
        """A `tool_use` block as the assembler of tool calls takes it."""
        arguments = self._input if self._input.strip() else (self._fields.get("input") or {})
        function = {"name": self._fields.get("name"), "arguments": arguments}
        return {"index": number, "id": self._fields.get("id"), "function": function}

    def sent_back(self) -> dict[str, Any]:
        """The block as the next request carries it."""
        match self.kind:
            case "text":
                return {"type": "text", "text": whole(self.text)}
            case "thinking":
                return {"type": "thinking", "thinking": whole(self.thoughts), "signature": self._signature}
            case "tool_use":
                fields = {"id": self._fields.get("id"), "name": self._fields.get("name")}
                return {"type": "tool_use", **fields, "input": self._arguments()}
        return dict(self._fields)

    def _arguments(self) -> Any:
        if not self._input.strip():
            return self._fields.get("input") or {}
        try:
            return json.loads(self._input)
        except (ValueError, RecursionError):
            return None


def counts(usage: Any) -> dict[str, int]:
    """The token counts that an event states. Later events count from the start again, so they replace earlier ones."""
    if not isinstance(usage, dict):
        return {}
    found = {name: usage[name] for name in COUNTS if isinstance(usage.get(name), int)}
    details = usage.get("output_tokens_details")
    if isinstance(details, dict) and isinstance(details.get("thinking_tokens"), int):
        found["thinking_tokens"] = details["thinking_tokens"]
    return found


def usage_of(counts: Mapping[str, int]) -> Usage | None:
    """Anthropic counts what it read from its cache, or wrote to it, beside `input_tokens`; we count it within."""
    if "input_tokens" not in counts or "output_tokens" not in counts:
        return None
    cached = counts.get("cache_read_input_tokens", 0)
    return Usage(
        prompt_tokens=counts["input_tokens"] + cached + counts.get("cache_creation_input_tokens", 0),
        completion_tokens=counts["output_tokens"],
        reasoning_tokens=counts.get("thinking_tokens", 0),
        cached_tokens=cached,
    )


def _words(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""
