"""OpenAI's vector-store filters: comparisons on a file's attributes, joined by `and` / `or`.

A missing attribute satisfies only `ne` and `nin`. Numbers compare with numbers and strings with strings; a comparison
of unlike types is false, not an error, since attributes of different files need not agree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from retrieval.base import AttributeValue
from retrieval.errors import BadFilter

Predicate = Callable[[Mapping[str, AttributeValue]], bool]

ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda a, b: bool(a > b),
    "gte": lambda a, b: bool(a >= b),
    "lt": lambda a, b: bool(a < b),
    "lte": lambda a, b: bool(a <= b),
}
COMPARISONS = ("eq", "ne", "gt", "gte", "lt", "lte", "in", "nin")
MAX_DEPTH = 8
MAX_CONDITIONS = 256


def parse(value: Any, path: str = "filters") -> Predicate:
    """Turn the JSON form into a predicate on attributes. Raises BadFilter, which names the place."""
    return _parse(value, path, 0, [0])


def _parse(value: Any, path: str, depth: int, count: list[int]) -> Predicate:
    if not isinstance(value, Mapping):
        raise BadFilter(f"{path} must be an object with a `type`, not {value!r}", path)
    count[0] += 1
    if depth > MAX_DEPTH or count[0] > MAX_CONDITIONS:
        raise BadFilter(f"the filter is too large: at most {MAX_DEPTH} levels and {MAX_CONDITIONS} conditions", path)
    kind = value.get("type")
    if kind in ("and", "or"):
        _only(value, {"type", "filters"}, path)
        parts = value.get("filters")
        if not isinstance(parts, list) or not parts:
            raise BadFilter(f"{path}.filters must be a list of at least one filter", f"{path}.filters")
        predicates = [_parse(p, f"{path}.filters[{n}]", depth + 1, count) for n, p in enumerate(parts)]
        join = all if kind == "and" else any
        return lambda attributes: join(p(attributes) for p in predicates)
    if kind not in COMPARISONS:
        known = ", ".join((*COMPARISONS, "and", "or"))
        raise BadFilter(f"{path}.type is {kind!r}; it must be one of {known}", f"{path}.type")
    _only(value, {"type", "key", "value"}, path)
    return _comparison(str(kind), value, path)


def _only(value: Mapping[str, Any], known: set[str], path: str) -> None:
    for name in value:
        if name not in known:
            raise BadFilter(f"{path}.{name} is not a field of a filter; it has {sorted(known)}", f"{path}.{name}")


def _comparison(kind: str, value: Mapping[str, Any], path: str) -> Predicate:
    key, wanted = value.get("key"), value.get("value")
    if not isinstance(key, str) or not key:
        raise BadFilter(f"{path}.key must be the name of an attribute, not {key!r}", f"{path}.key")
    if kind in ("in", "nin"):
        if not isinstance(wanted, list) or not all(_scalar(item) for item in wanted):
            raise BadFilter(f"{path}.value must be a list of strings or numbers for {kind!r}", f"{path}.value")
        return lambda attributes: any(_equal(attributes.get(key), item) for item in wanted) == (kind == "in")
    if not _scalar(wanted):
        raise BadFilter(f"{path}.value must be a string, a number or a boolean, not {wanted!r}", f"{path}.value")
    if kind in ("eq", "ne"):
        return lambda attributes: _equal(attributes.get(key), wanted) == (kind == "eq")
    if isinstance(wanted, bool):
        raise BadFilter(f"{path}.value: {kind!r} orders strings or numbers, not booleans", f"{path}.value")
    compare = ORDERINGS[kind]
    return lambda attributes: _alike(attributes.get(key), wanted) and compare(attributes[key], wanted)


def _scalar(value: Any) -> bool:
    return isinstance(value, str | int | float)


def _alike(a: Any, b: Any) -> bool:
    """True and 1 are different things in JSON, though Python holds them equal."""
    if isinstance(a, bool) or isinstance(b, bool):
        return isinstance(a, bool) and isinstance(b, bool)
    numbers = isinstance(a, int | float) and isinstance(b, int | float)
    return numbers or (isinstance(a, str) and isinstance(b, str))


def _equal(a: Any, b: Any) -> bool:
    return _alike(a, b) and bool(a == b)
