"""The query parameter `stream_mode`, in the three forms in which clients send it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import get_args

from server.errors import ApiError
from server.langgraph.run_schema import Mode
from server.langgraph.run_support import check_modes


def asked_modes(given: Sequence[str] | None) -> list[str]:
    """One mode, several parameters, or one that is a JSON list. Raises ApiError."""
    modes: list[str] = []
    for text in filter(None, given or ()):
        modes += _list(text) if text.startswith("[") else [text]
    for mode in modes:
        if mode not in get_args(Mode):
            known = ", ".join(get_args(Mode))
            message = f"Invalid value for 'stream_mode': {mode[:50]!r} must be one of {known}."
            raise ApiError(422, message, param="stream_mode", code="invalid_value")
    check_modes(modes, "stream_mode")
    return list(dict.fromkeys(modes))


def _list(text: str) -> list[str]:
    try:
        read = json.loads(text)
    except ValueError:
        return [text]
    return [str(mode) for mode in read] if isinstance(read, list) else [text]
