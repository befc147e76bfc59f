"""Keys that a call carries, kept out of what is told of it: some servers repeat what they were sent."""

from __future__ import annotations

import json
from collections.abc import Iterable

HIDDEN = "[secret]"


def hushed(text: str, secrets: Iterable[str]) -> str:
    for value in secrets:
        # With and without `Bearer` before it, and as JSON writes it.
        for secret in (value, value.partition(" ")[2] or value):
            text = text.replace(secret, HIDDEN).replace(json.dumps(secret)[1:-1], HIDDEN)
    return text
