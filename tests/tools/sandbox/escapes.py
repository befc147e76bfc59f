"""The list of escapes, read: `escapes.toml` says what they are."""

import tomllib
from pathlib import Path
from typing import Any

_LISTED: dict[str, dict[str, Any]] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))

ALLOWED: dict[str, dict[str, str]] = _LISTED.pop("allowed")
RESOURCES: dict[str, dict[str, str]] = _LISTED.pop("resources")
HELD: dict[str, dict[str, str]] = _LISTED.pop("held")
ESCAPES = {f"{group}-{name}": code for group, entries in _LISTED.items() for name, code in entries.items()}
"""Code by `group-name`."""


def filled_in(code: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        code = code.replace(f"{{{name}}}", value)
    return code
