"""From checked arguments to the request of an operation: address, headers, body. RFC 3986, and OpenAPI's styles."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pydantic_core import to_json

from tools.errors import BadArguments
from tools.openapi.operations import SEPARATORS, Operation, Parameter

PATH = "/:@!$&'()*+,;=-._~%"
"""What stays as it is in the document's own part of a path."""


@dataclass(frozen=True)
class Ready:
    url: str
    headers: Mapping[str, str]
    body: bytes


def ready(base_url: str, operation: Operation, given: Mapping[str, Any]) -> Ready:
    """Raises BadArguments for values that would lead elsewhere than the operation says."""
    path = {one.name: one for one in operation.parameters if one.place == "path"}
    parts = []
    for part in re.split(r"(\{[^{}]*\})", operation.path):
        named = path.get(part[1:-1]) if part.startswith("{") else None
        parts.append(quote(part, safe=PATH) if named is None else _segment(named, given[named.argument]))
    address = "".join(parts)
    if any(piece in (".", "..") for piece in address.split("/")):
        raise BadArguments(f"the path would become {address[:200]!r}, which leads elsewhere")
    headers = {"Accept": "application/json, text/*;q=0.9, */*;q=0.1"}
    query: list[tuple[str, str]] = []
    for one in operation.parameters:
        value = given.get(one.argument)
        if value is None:
            continue
        if one.place == "header":
            headers[one.name] = _header(one, value)
        elif one.place == "query":
            query += _query(one, value)
    if query:
        address += "?" + "&".join(f"{quote(name, safe='')}={quote(text, safe='')}" for name, text in query)
    body = b""
    if operation.body and operation.body in given:
        body = to_json(given[operation.body])
        headers["Content-Type"] = operation.body_type
    return Ready(base_url.rstrip("/") + address, headers, body)


def _segment(one: Parameter, value: Any) -> str:
    """Some servers decode %2F before they look at the path, so a step up is refused in whatever it is wrapped."""
    text = _joined(one, value, ",")
    if not text or any(step in (".", "..") for step in re.split(r"[/\\]", text)):
        raise BadArguments(f"the argument {one.argument!r} is {text[:80]!r}, which is no part of a path")
    return quote(text, safe="")


def _header(one: Parameter, value: Any) -> str:
    text = _joined(one, value, ",")
    if re.search(r"[^\x20-\x7e]", text) or text != text.strip():
        raise BadArguments(
            f"the argument {one.argument!r} goes into a header: printable ASCII only, no blanks around it"
        )
    return text


def _query(one: Parameter, value: Any) -> list[tuple[str, str]]:
    if one.as_json:
        return [(one.name, _text(value))]
    if isinstance(value, dict) and one.style == "deepObject":
        return [(f"{one.name}[{key}]", _text(inner)) for key, inner in value.items()]
    if isinstance(value, dict) and one.explode:
        return [(str(key), _text(inner)) for key, inner in value.items()]
    if isinstance(value, list) and one.explode:
        return [(one.name, _text(inner)) for inner in value]
    return [(one.name, _joined(one, value, SEPARATORS.get(one.style, ",")))]


def _joined(one: Parameter, value: Any, separator: str) -> str:
    if one.as_json:
        return _text(value)
    if isinstance(value, list):
        return separator.join(map(_text, value))
    if isinstance(value, dict):
        sign = "=" if one.explode else separator
        return separator.join(f"{key}{sign}{_text(inner)}" for key, inner in value.items())
    return _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else to_json(value).decode()
