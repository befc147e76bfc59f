"""Whether function calls are those that an answer key asks for, and if not, in what they differ.

The rules are those of the Berkeley function calling leaderboard (Patil et al. 2024, its AST checker): the name is
equal; every required argument is there and none that the key does not know; a value has the type that the function
declares (a whole number passes for a float) and is one of those the key accepts, where "" says that the argument may
be left out. Texts are compared without case, blanks and ,./-_*^, their quotes made one kind. Several calls are matched
in any order. Where a key and its function contradict each other, which 2 of 1,107 do, the key stands.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

CallFault = Literal["", "count", "name", "missing", "unexpected", "type", "value"]
"""What is wrong first: how many calls, the function, an argument that lacks, one too many, its type, its value."""
_IGNORED = re.compile(r"[ ,./\-_*^]")
_TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,), "float": (float, int), "number": (float, int), "string": (str,), "boolean": (bool,),
    "array": (list,), "tuple": (list,), "dict": (dict,), "object": (dict,),
}  # fmt: skip


class Call(NamedTuple):
    name: str
    arguments: Mapping[str, Any]


class Finding(NamedTuple):
    fault: CallFault
    """Empty: the call is right."""
    place: str = ""
    """The argument, or the function."""

    @property
    def ok(self) -> bool:
        return not self.fault


def judged(
    calls: Sequence[Call], functions: Sequence[Mapping[str, Any]], key: Sequence[Mapping[str, Mapping[str, Any]]]
) -> Finding:
    """`functions`: as the leaderboard describes them; `key`: for each call {name: {argument: accepted values}}."""
    if len(calls) != len(key):
        return Finding("count", f"{len(calls)} instead of {len(key)}")
    left = list(calls)
    for wanted in key:
        findings = [judged_one(call, functions, wanted) for call in left]
        place = next((place for place, finding in enumerate(findings) if finding.ok), None)
        if place is None:
            # Of several wrong calls that of the right function says most.
            return next((finding for finding in findings if finding.fault != "name"), findings[0])
        del left[place]
    return Finding("")


def judged_one(call: Call, functions: Sequence[Mapping[str, Any]], key: Mapping[str, Mapping[str, Any]]) -> Finding:
    ((name, accepted),) = key.items()
    if as_name(call.name) != as_name(name):
        return Finding("name", call.name)
    function = next(one for one in functions if one["name"] == name)
    parameters = function["parameters"]
    for needed in parameters.get("required", ()):
        if needed not in call.arguments and needed in accepted:
            return Finding("missing", needed)
    for argument, value in call.arguments.items():
        if argument not in accepted:
            return Finding("unexpected", argument)
        values = accepted[argument]
        if not _has_type(value, parameters["properties"].get(argument, {}), values):
            return Finding("type", argument)
        if not any(_same(value, one) for one in values):
            return Finding("value", argument)
    for argument, values in accepted.items():
        if argument not in call.arguments and "" not in values:
            return Finding("missing", argument)
    return Finding("")


def as_name(name: str) -> str:
    """Names of APIs have no dots."""
    return name.replace(".", "_")


def _has_type(value: Any, schema: Mapping[str, Any], accepted: Sequence[Any]) -> bool:
    declared = str(schema.get("type", "any"))
    if _is(value, declared):
        items = schema.get("items")
        if isinstance(value, list) and items and not all(_has_type(one, items, ()) for one in value):
            return any(_same(value, one) for one in accepted)
        return True
    # Some keys accept what their function does not declare: the name of a variable, say.
    return any(type(value) is type(one) and one != "" for one in accepted)


def _is(value: Any, declared: str) -> bool:
    kinds = _TYPES.get(declared)
    if kinds is None:
        return True
    return isinstance(value, kinds) and (isinstance(value, bool) == (declared == "boolean"))


def _same(value: Any, accepted: Any) -> bool:
    match value, accepted:
        case str(), str():
            return _text(value) == _text(accepted)
        case list(), list():
            return len(value) == len(accepted) and all(_same(a, b) for a, b in zip(value, accepted, strict=True))
        case dict(), dict():
            known = all(
                key in accepted and any(_same(one, v) for v in _listed(accepted[key])) for key, one in value.items()
            )
            return known and all("" in _listed(values) for key, values in accepted.items() if key not in value)
        case _:
            return isinstance(value, bool) == isinstance(accepted, bool) and bool(value == accepted)


def _listed(values: Any) -> Sequence[Any]:
    return values if isinstance(values, list) else [values]


def _text(text: str) -> str:
    return _IGNORED.sub("", text).lower().replace("'", '"')
