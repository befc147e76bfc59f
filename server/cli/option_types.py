"""The type of an option for people, from its JSON schema."""

from __future__ import annotations

from typing import Any


def type_of(schema: dict[str, Any]) -> str:
    """A JSON schema in words: `integer, 1 to 50`."""
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if "anyOf" in schema:
        return " or ".join(type_of(part) for part in schema["anyOf"])
    words = str(schema.get("type", "any"))
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    if low is not None and high is not None:
        return f"{words}, {low} to {high}"
    return f"{words} from {low}" if low is not None else f"{words} up to {high}" if high is not None else words
