"""A trained gate as a file, and the judged routes that it is trained from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

FOLDER = "gates"
"""Of the data directory."""


class BadGate(Exception):
    """A gate or a file of routes that cannot be used; the message says why."""


class GateFile(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["sandtable.gate"] = "sandtable.gate"
    version: Literal[1] = 1
    embedder: str
    """Fingerprint of the embedder whose vectors it was trained on."""
    experts: dict[str, tuple[float, ...]]
    figures: dict[str, float] = {}


class Judged(BaseModel):
    """A question, and the expert that is right for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str
    expert: str


def path_of(data_dir: Path, name: str) -> Path:
    """Raises BadGate for a name that is more than one."""
    if not name.replace("-", "").replace("_", "").isalnum():
        raise BadGate(f"a gate's name has letters, digits, - and _, not {name!r}")
    return data_dir / FOLDER / f"{name}.json"


def read_gate(data_dir: Path, name: str) -> GateFile:
    """Raises BadGate."""
    path = path_of(data_dir, name)
    try:
        return GateFile.model_validate_json(path.read_text("utf-8"))
    except FileNotFoundError:
        there = sorted(found.stem for found in path.parent.glob("*.json"))
        raise BadGate(
            f"there is no gate {name!r}; there are {', '.join(there) or 'none'}: `sandtable train-gate` makes one"
        ) from None
    except (ValidationError, OSError, UnicodeDecodeError) as error:
        raise BadGate(f"the gate {name!r} cannot be read from {path}: {error}") from None


def read_routes(path: Path) -> list[Judged]:
    """From JSON lines. Raises BadGate that names the line."""
    found = []
    for number, line in enumerate(path.read_text("utf-8-sig").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found.append(Judged.model_validate(json.loads(line)))
        except (ValidationError, ValueError) as error:
            why = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            example = '{"question": "2 + 2?", "expert": "sums"}'
            raise BadGate(f"{path}, line {number}: {why}; each line is like {example}") from None
    return found
