"""Where a replay and its recording part."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LONGEST = 200


@dataclass(frozen=True)
class Difference:
    """The first event that differs; None for a value that one side does not have."""

    seq: int
    run_id: str
    field: str
    """`request.messages[1].content`; empty where the event as a whole is missing or too many."""
    recorded: Any
    replayed: Any

    def __str__(self) -> str:
        where = f"event {self.seq} of run {self.run_id}"
        if not self.field:
            if self.replayed is None:
                return f"{where} did not happen again: {_short(self.recorded)}"
            if self.recorded is None:
                return f"{where} is not in the recording: {_short(self.replayed)}"
        at = f" at {self.field!r}" if self.field else ""
        return f"{where} differs{at}: recorded {_short(self.recorded)}, replayed {_short(self.replayed)}"


def difference(seq: int, run_id: str, recorded: Mapping[str, Any], replayed: Mapping[str, Any]) -> Difference:
    """Of two events, as JSON. Different kinds are told whole, else the first field that differs."""
    if recorded.get("type") != replayed.get("type"):
        return Difference(seq, run_id, "", dict(recorded), dict(replayed))
    path, one, other = _first("", dict(recorded), dict(replayed))
    return Difference(seq, run_id, path, one, other)


def _first(path: str, one: Any, other: Any) -> tuple[str, Any, Any]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys((*one, *other)):
            if one.get(key) != other.get(key) or (key in one) != (key in other):
                return _first(f"{path}.{key}" if path else key, one.get(key), other.get(key))
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (left, right) in enumerate(zip(one, other, strict=True)):
            if left != right:
                return _first(f"{path}[{place}]", left, right)
    return path, one, other


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
