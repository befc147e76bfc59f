"""A schema of OpenAPI as one JSON Schema without references, for a model to read and for a check of its arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tools.errors import BadTool
from tools.openapi.document import followed

MOST_PARTS = 5_000
"""Of one operation's arguments; each goes into every prompt."""
DEEPEST = 40
MAPS = ("properties", "patternProperties", "dependentSchemas")
ONE = ("items", "additionalProperties", "not", "contains", "if", "then", "else", "propertyNames")
LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")
KEPT = frozenset(
    {
        "type", "enum", "const", "default", "description", "format", "pattern", "required", "minimum", "maximum",
        "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems",
        "uniqueItems", "minProperties", "maxProperties", "dependentRequired", "minContains", "maxContains",
    }
)  # fmt: skip


class Reader:
    """For one operation: counts what it reads, so that no document grows without bound."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._parts = 0

    def schema(self, given: Any, within: tuple[str, ...] = (), depth: int = 0) -> dict[str, Any]:
        """Where a schema holds itself, its inner self takes anything. Raises BadTool."""
        self._parts += 1
        if self._parts > MOST_PARTS or depth > DEEPEST:
            raise BadTool(f"its arguments have more than {MOST_PARTS:,} parts, or lie deeper than {DEEPEST}")
        if isinstance(given, bool):
            return {} if given else {"not": {}}
        if not isinstance(given, dict):
            raise BadTool(f"a schema in it is {type(given).__name__}, not an object")
        reference = given.get("$ref")
        if isinstance(reference, str):
            if reference in within:
                return {"description": f"again a {reference.rpartition('/')[2]}"}
            beside = {name: value for name, value in given.items() if name != "$ref"}
            target = followed(self._document, {"$ref": reference})
            return self.schema(
                {**target, **beside} if isinstance(target, dict) else target, (*within, reference), depth + 1
            )
        return _plain(self._inner(given, within, depth + 1), given)

    def _inner(self, given: Mapping[str, Any], within: tuple[str, ...], depth: int) -> dict[str, Any]:
        found = {name: value for name, value in given.items() if name in KEPT}
        for name in MAPS:
            if isinstance(given.get(name), dict):
                found[name] = {str(key): self.schema(inner, within, depth) for key, inner in given[name].items()}
        for name in ONE:
            if name in given:
                found[name] = self.schema(given[name], within, depth)
        for name in LISTS:
            if isinstance(given.get(name), list):
                found[name] = [self.schema(inner, within, depth) for inner in given[name]]
        self._leave_read_only(given, found)
        return found

    def _leave_read_only(self, given: Mapping[str, Any], found: dict[str, Any]) -> None:
        """What only the server sets is not asked for."""
        for name, inner in (given.get("properties") or {}).items():
            told = followed(self._document, inner)
            if isinstance(told, dict) and told.get("readOnly") is True:
                found["properties"].pop(str(name), None)
                if isinstance(found.get("required"), list):
                    found["required"] = [other for other in found["required"] if other != name]


def _plain(found: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """From the dialect of 3.0 to JSON Schema: `nullable`, and bounds that are flags."""
    for flag, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(found.get(flag), bool) and found.pop(flag) and bound in found:
            found[flag] = found.pop(bound)
    if given.get("nullable") is True and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
        if isinstance(found.get("enum"), list) and None not in found["enum"]:
            found["enum"] = [*found["enum"], None]
    if "pattern" in found:
        try:
            re.compile(found["pattern"])
        except (re.error, TypeError):
            # Of ECMA's dialect: the other side checks it.
            del found["pattern"]
    return found
