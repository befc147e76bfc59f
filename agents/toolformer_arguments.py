"""From what a call inside a text has in its parentheses to the JSON of its tool, whose schema judges it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agents.toolformer_text import Argument, Call

ORDER = "propertyOrder"
"""A list, beside `properties`: JSON objects, stored and read again, have no order."""


def in_order(parameters: Mapping[str, Any]) -> list[str]:
    """The names of a tool's arguments, in the order in which they are written."""
    return list(parameters.get(ORDER) or parameters.get("properties", {}))


def as_json(call: Call, parameters: Mapping[str, Any]) -> str:
    """JSON text of an object. `parameters`: the JSON schema of the tool's arguments.

    Arguments have names, or their order is that of the schema. Where a tool needs but one, all that is written is it,
    commas included, unless it begins with a quoted text that more follows. JSON is taken as it is.
    """
    properties: Mapping[str, Any] = parameters.get("properties", {})
    if _is_object(call.whole):
        return call.whole
    if not call.arguments:
        return "{}"
    needed = parameters.get("required") or (list(properties) if len(properties) == 1 else [])
    named = any(argument.name in properties for argument in call.arguments)
    if len(needed) == 1 and not named:
        first = call.arguments[0]
        if len(call.arguments) == 1 or not first.quoted:
            value = first.value if first.quoted else call.whole
            return _written({needed[0]: _typed(value, properties.get(needed[0], {}))})
    return _written(_by_place(call.arguments, properties, in_order(parameters)))


def _by_place(arguments: tuple[Argument, ...], properties: Mapping[str, Any], order: Sequence[str]) -> dict[str, Any]:
    taken = {argument.name for argument in arguments}
    free = iter([name for name in order if name not in taken])
    made = {}
    for number, argument in enumerate(arguments, start=1):
        # One too many gets a name that no schema has, so that the tool says what it takes.
        name = argument.name or next(free, f"argument_{number}")
        made[name] = _typed(argument.value, properties.get(name, {}))
    return made


def _typed(value: str, schema: Mapping[str, Any]) -> Any:
    """A text, unless the schema has none there: then what the text says as JSON, if it is some."""
    kinds = {part.get("type") for part in (schema, *schema.get("anyOf", ()))}
    if "string" in kinds or kinds <= {None}:
        return value
    try:
        return json.loads(value)
    except ValueError:
        return {"true": True, "false": False, "none": None}.get(value.casefold(), value)


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _written(arguments: Mapping[str, Any]) -> str:
    return json.dumps(arguments, ensure_ascii=False)
