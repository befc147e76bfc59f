"""Which JSON schemas Anthropic holds an answer to; it refuses a request with any other.

After "Structured outputs, JSON Schema limitations" of its documentation: every object closed, no bounds on numbers,
lengths or counts, no references out of the schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NOT_ENFORCED = frozenset(
    {
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength",
        "maxItems", "minItems", "uniqueItems", "contains", "minProperties", "maxProperties", "patternProperties",
        "propertyNames", "dependentSchemas", "dependentRequired", "if", "not", "oneOf", "prefixItems",
        "unevaluatedProperties",
    }
)  # fmt: skip
NAMED = frozenset({"properties", "$defs", "definitions"})
"""Keywords whose members are schemas under names of the author's."""


def enforceable(schema: Any) -> bool:
    if isinstance(schema, list):
        return all(enforceable(part) for part in schema)
    if not isinstance(schema, Mapping):
        return True
    if NOT_ENFORCED & schema.keys() or not str(schema.get("$ref", "#")).startswith("#"):
        return False
    closed = schema.get("additionalProperties") is False
    if (schema.get("type") == "object" or "properties" in schema) and not closed:
        return False
    return all(
        all(map(enforceable, value.values())) if name in NAMED and isinstance(value, Mapping) else enforceable(value)
        for name, value in schema.items()
        if name not in ("enum", "const", "default", "examples", "required")
    )
