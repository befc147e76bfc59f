"""What of an item a query looks at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def text_of(value: Any, indexed: bool | list[str]) -> str:
    """The texts of all fields, or of those named: `a.b`, `a[*].b`, `$` for the whole."""
    if indexed is True:
        return "\n".join(_texts(value))
    if indexed is False:
        return ""
    return "\n".join(text for path in indexed for found in _at(value, _parts(path)) for text in _texts(found))


def _parts(path: str) -> list[str]:
    return [] if path == "$" else path.replace("[", ".").replace("]", "").split(".")


def _at(value: Any, parts: list[str]) -> Iterator[Any]:
    if not parts:
        yield value
    elif isinstance(value, dict) and parts[0] in value:
        yield from _at(value[parts[0]], parts[1:])
    elif isinstance(value, list) and parts[0] == "*":
        for item in value:
            yield from _at(item, parts[1:])
    elif isinstance(value, list) and parts[0].lstrip("-").isdecimal() and -len(value) <= int(parts[0]) < len(value):
        yield from _at(value[int(parts[0])], parts[1:])


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif value is not None and value != "":
        yield str(value)
