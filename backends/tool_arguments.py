"""Arguments of tool calls for servers that want them as an object, where others take the model's text."""

from __future__ import annotations

import json
from typing import Any

BROKEN = "INVALID_JSON"
"""The key under which text that is no JSON object is sent back, as Anthropic's documentation advises."""


def as_object(arguments: str) -> dict[str, Any]:
    try:
        value = json.loads(arguments)
    except (ValueError, RecursionError):
        return {BROKEN: arguments}
    return value if isinstance(value, dict) else {BROKEN: arguments}
