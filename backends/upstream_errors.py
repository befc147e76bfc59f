"""From a server's way of saying that something is wrong to one of ours.

Servers answer `{"error": {...}}`, `{"error": "text"}`, `[{"error": {...}}]` (Google), `{"detail": ...}` (FastAPI),
`{"code": ..., "message": ...}`, an HTML page, or plain text; with an error status, with 200, or inside a stream.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, NamedTuple

from backends.errors import (
    AuthenticationFailed,
    BackendError,
    ContextLengthExceeded,
    RateLimited,
    RequestRefused,
    TimedOut,
    UpstreamFailed,
)
from backends.retry_hints import retry_after, should_retry
from backends.unicode import whole

SHOWN = 500  # characters of the server's own words that an error repeats

TOO_LONG = re.compile(
    r"context_length|exceed_context|maximum context|context (?:window|size|length)|prompt is too long|too many tokens"
    r"|max_model_len|input_tokens|range of input length|input is too long|token limit exceeded",
    re.IGNORECASE,
)
OUT_OF_FUNDS = frozenset(
    {
        "insufficient_quota",
        "insufficient_balance",
        "billing_hard_limit_reached",
        "billing_not_active",
        "arrearage",
        "1113",
    }
)
RETRYABLE = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529})
WORDS: tuple[tuple[str, int], ...] = (
    ("rate_limit", 429),
    ("insufficient_quota", 429),
    ("resource_exhausted", 429),
    ("auth", 401),
    ("invalid_api_key", 401),
    ("permission", 403),
    ("invalid_request", 400),
    ("invalid_argument", 400),
    ("not_found", 404),
    ("too_large", 413),
    ("billing", 402),
    ("overloaded", 529),
    ("unavailable", 503),
    ("timeout", 504),
)
TRACE_HEADERS = ("x-request-id", "x-siliconcloud-trace-id", "request-id")


class Said(NamedTuple):
    """What the server said: words, a code it gave them, and the status they stand for, if any."""

    message: str
    code: str | None = None
    status: int | None = None


def response_error(where: str, status: int, headers: Mapping[str, str], body: bytes) -> BackendError:
    """The error for an answer of `where` with a status other than 2xx. Header names are lower case."""
    said = _said_by_body(body) or Said(HTTPStatus(status).phrase if status in set(HTTPStatus) else "no reason given")
    if 300 <= status < 400:
        said = Said(f"it redirects to {headers.get('location', '?')!r}; set base_url to where the API really is")
    trace = next((f" (request {headers[name]!r})" for name in TRACE_HEADERS if name in headers), "")
    error = _error(f"{where} answered {status}: {said.message}{trace}", status, said)
    error.retry_after = retry_after(headers, datetime.now(UTC))
    told = should_retry(headers)
    if told is not None and said.code not in OUT_OF_FUNDS:
        error.retryable = told
    return error


def reported_error(where: str, reply: Any, event: str = "") -> BackendError | None:
    """The error that a 200 answer or one event of its stream reports; None when it reports none."""
    said = _said_by(reply, certain=event == "error")
    if said is None:
        return None
    return _error(f"{where} reported an error in its answer: {said.message}", said.status or _meant(said), said)


def _error(message: str, status: int | None, said: Said) -> BackendError:
    kind: type[BackendError] = UpstreamFailed
    if status == 429:
        kind = RateLimited
    elif TOO_LONG.search(f"{said.code} {said.message}") and status in (None, 400, 413, 422, 500):
        kind = ContextLengthExceeded
    elif status in (401, 403):
        kind = AuthenticationFailed
    elif status in (408, 504):
        kind = TimedOut
    elif status is not None and status < 500:
        kind = RequestRefused
    retryable = status is None or status in RETRYABLE
    if kind is ContextLengthExceeded or said.code in OUT_OF_FUNDS:
        retryable = False
    return kind(message, status=status, code=said.code, retryable=retryable)


def _meant(said: Said) -> int | None:
    """The HTTP status that an error inside a 200 answer stands for, by the name the server gave it."""
    code = (said.code or "").lower()
    return next((status for word, status in WORDS if word in code), None)


def _said_by_body(body: bytes) -> Said | None:
    text = body.decode("utf-8", "replace").strip()
    try:
        said = _said_by(json.loads(text), certain=True)
    except ValueError:
        said = Said(_plain(text)) if text else None
    return said if said is None or said.message else None


def _said_by(reply: Any, *, certain: bool) -> Said | None:
    """Find the error in decoded JSON. Unless it is `certain` that there is one, a reply with choices has none."""
    if isinstance(reply, list) and reply:
        reply = reply[0]
    if not isinstance(reply, dict):
        return Said(_plain(str(reply))) if certain else None
    error = reply.get("error")
    if isinstance(error, str) and error:
        return Said(_plain(error), _code(reply), _status(reply))
    if isinstance(error, dict) and error:
        metadata = error.get("metadata")
        raw = f" ({metadata['raw']})" if isinstance(metadata, dict) and metadata.get("raw") else ""
        message = error.get("message") or error.get("msg") or json.dumps(dict(error), ensure_ascii=False)
        return Said(_plain(f"{message}{raw}"), _code(error), _status(error))
    if "choices" in reply and not certain:
        return None
    for key in ("detail", "message", "msg"):
        if reply.get(key) and (certain or isinstance(reply[key], str)):
            return Said(_plain(_flat(reply[key])), _code(reply), _status(reply))
    return Said(_plain(json.dumps(dict(reply), ensure_ascii=False))) if certain else None


def _flat(detail: Any) -> str:
    """FastAPI's list of problems as one line."""
    if isinstance(detail, list):
        return "; ".join(_flat(part) for part in detail)
    if isinstance(detail, dict) and "msg" in detail:
        return f"{'.'.join(map(str, detail.get('loc', ())))}: {detail['msg']}"
    return detail if isinstance(detail, str) else json.dumps(detail, ensure_ascii=False)


def _code(error: Mapping[str, Any]) -> str | None:
    """The most telling of the server's names for the error: a word rather than a number."""
    given = [str(error[key]) for key in ("code", "type", "status") if error.get(key) not in (None, "")]
    return next((name for name in given if not name.isdigit()), given[0] if given else None)


def _status(error: Mapping[str, Any]) -> int | None:
    for key in ("code", "status", "http_status"):
        value = str(error.get(key))
        if value.isdigit() and 400 <= int(value) <= 599:
            return int(value)
    return None


def _plain(text: str) -> str:
    """One short line: of an HTML page its title or its words."""
    if re.match(r"\s*<(?:!doctype|html|\?xml|head|body)", text, re.IGNORECASE):
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        words = title.group(1) if title else re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL)
        text = f"an HTML page: {html.unescape(words)}"
    text = " ".join("".join(char if char.isprintable() else " " for char in whole(text)).split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
