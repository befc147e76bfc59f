"""What a response's headers say about trying again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds to wait, never negative: `retry-after-ms`, else `retry-after` as seconds or as an HTTP date.

    None: the server did not say, or not in a form that can be read. Keys of `headers` are lower case.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return max(0.0, milliseconds / 1000)
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None:
        return max(0.0, seconds)
    if value is None:
        return None
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    if date.tzinfo is None:  # "-0000": the sender names no zone; HTTP dates are in GMT
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - now).total_seconds())


def should_retry(headers: Mapping[str, str]) -> bool | None:
    """OpenAI's `x-should-retry`; None: not said."""
    return {"true": True, "false": False}.get(headers.get("x-should-retry", "").strip().lower())


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
