"""`KEY=VALUE` arguments."""

from __future__ import annotations

import json
from typing import Any

import click


def key_values(given: tuple[str, ...], option: str) -> dict[str, Any]:
    """`KEY=VALUE` arguments; a value that is JSON is taken as JSON, else as text. Raises click.UsageError."""
    found: dict[str, Any] = {}
    for pair in given:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise click.UsageError(f"{option} takes KEY=VALUE; got {pair!r}.")
        if key in found:
            raise click.UsageError(f"{option} sets {key!r} twice.")
        found[key] = _json_or_text(value)
    return found


def _json_or_text(value: str) -> Any:
    def refuse(constant: str) -> Any:
        raise ValueError(constant)

    try:
        # NaN and Infinity are words of Python's parser, not JSON.
        return json.loads(value, parse_constant=refuse)
    except ValueError:
        return value
