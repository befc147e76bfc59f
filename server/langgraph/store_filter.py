"""The filter of a search in the store: equal values, or LangGraph's operators."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from server.langgraph.messages import invalid

ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
OPERATORS = ("$eq", "$ne", *ORDER)


def check_filter(filter: Mapping[str, Any]) -> None:
    """Raises ApiError."""
    for key, wanted in filter.items():
        if not _has_operators(wanted):
            continue
        for name, bound in wanted.items():
            where = f"filter.{key}.{name}"
            if name not in OPERATORS:
                raise invalid(where, f"is no operator; they are {', '.join(OPERATORS)}")
            if name in ORDER and (isinstance(bound, bool) or not isinstance(bound, int | float | str)):
                raise invalid(where, "must be a number or a text")


def matches(value: Mapping[str, Any], filter: Mapping[str, Any]) -> bool:
    return all(_fits(value, key, wanted) for key, wanted in filter.items())


def _fits(value: Mapping[str, Any], key: str, wanted: Any) -> bool:
    found = value.get(key)
    if not _has_operators(wanted):
        return key in value and _same(found, wanted)
    return all(_compares(found, name, bound) for name, bound in wanted.items())


def _has_operators(wanted: Any) -> bool:
    return isinstance(wanted, Mapping) and any(name.startswith("$") for name in wanted)


def _compares(found: Any, name: str, bound: Any) -> bool:
    if name in ("$eq", "$ne"):
        return _same(found, bound) is (name == "$eq")
    # What is of another kind is neither more nor less.
    if isinstance(found, bool) or not isinstance(found, int | float | str):
        return False
    return isinstance(found, str) is isinstance(bound, str) and ORDER[name](found, bound)


def _same(one: Any, other: Any) -> bool:
    """JSON's equality: true is not 1."""
    return isinstance(one, bool) is isinstance(other, bool) and bool(one == other)
