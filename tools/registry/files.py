"""Registry files: TOML or JSON of our own form, and the JSONL that HuggingGPT was published with."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tools.errors import BadDocument
from tools.registry.entry import Entry

LARGEST = 32 << 20
"""The published one has 2.8 MB."""
PUBLISHED = frozenset({"id", "task", "pipeline_tag", "downloads", "likes", "description", "meta"})
"""The fields of a line of `p0_models.jsonl` (microsoft/JARVIS); `meta` is the model card's front matter."""


def read_registry(path: Path) -> tuple[Entry, ...]:
    """Raises BadDocument, which names the file, the entry and what is wrong with it."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise BadDocument(f"{str(path)!r} has more than {LARGEST:,} bytes")
        rows = _rows(path.suffix.lower(), data.decode("utf-8-sig"))
    except OSError as error:
        raise BadDocument(f"{str(path)!r}: {error.strerror or error}; give the path of a registry file") from None
    except (ValueError, RecursionError) as error:
        raise BadDocument(f"{str(path)!r} cannot be read: {error}") from None
    found: dict[str, Entry] = {}
    for number, row in enumerate(rows, start=1):
        entry = _entry(row, f"{str(path)!r}, expert {number}")
        if entry.id in found:
            raise BadDocument(f"{str(path)!r}: two experts are called {entry.id!r}")
        found[entry.id] = entry
    if not found:
        raise BadDocument(f"{str(path)!r} lists no experts")
    return tuple(found.values())


def _rows(suffix: str, text: str) -> list[Any]:
    """Raises ValueError."""
    if suffix == ".jsonl":
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    if suffix not in (".toml", ".json"):
        raise ValueError(f"a registry is a file .toml, .json or .jsonl, not {suffix!r}")
    whole = tomllib.loads(text) if suffix == ".toml" else json.loads(text)
    if isinstance(whole, dict) and set(whole) == {"experts"}:
        whole = whole["experts"]
    if not isinstance(whole, list):
        raise ValueError('write a list of tables [[experts]], or {"experts": [...]}, and nothing beside it')
    return whole


def _entry(row: Any, where: str) -> Entry:
    if isinstance(row, dict) and set(row) == PUBLISHED:
        kept = ("id", "downloads", "likes", "description")
        row = {**{name: row[name] for name in kept}, "tasks": [row["task"]]}
    try:
        # As JSON, so that a strict reading still takes a list for a tuple.
        return Entry.model_validate_json(json.dumps(row), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise BadDocument(f"{where}: {key or 'it'}: {first['msg'].removeprefix('Value error, ')}") from None
    except (TypeError, ValueError) as error:
        raise BadDocument(f"{where}: {error}") from None
