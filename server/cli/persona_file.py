"""A persona's card from a file; what its fields must be, the service says."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import click


def read_card(path: Path) -> dict[str, Any]:
    """By the ending of the name: `.toml`, `.yaml`, `.yml`, else JSON. Raises click.UsageError."""
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise click.UsageError(f"--persona {str(path)!r} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise click.UsageError(f"--persona {str(path)!r} is not UTF-8 text.") from None
    kind = {".toml": "TOML", ".yaml": "YAML", ".yml": "YAML"}.get(path.suffix.lower(), "JSON")
    try:
        card = _read(kind, text)
        json.dumps(card, allow_nan=False)  # a date, which the other two have, is nothing that can be sent
    except (ValueError, TypeError, RecursionError) as error:
        raise click.UsageError(f"--persona {str(path)!r} is not {kind}: {' '.join(str(error).split())}.") from None
    if not isinstance(card, dict):
        raise click.UsageError(f"--persona {str(path)!r} must hold an object with 'name' and more.")
    return card


def _read(kind: str, text: str) -> Any:
    """Raises ValueError."""
    if kind == "TOML":
        return tomllib.loads(text)
    if kind == "JSON":
        return json.loads(text)
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(error) from None
