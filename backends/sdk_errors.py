"""From an exception of a provider's library to one of ours: by the HTTP status in it, else by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from backends.errors import BackendError, TimedOut, Unreachable, UpstreamFailed
from backends.upstream_errors import response_error

LONGEST = 500


def sdk_error(where: str, error: Exception) -> BackendError:
    response = getattr(error, "response", None)
    status = (
        getattr(error, "status_code", None) or getattr(response, "status_code", None) or getattr(error, "code", None)
    )
    said = " ".join(str(error).split())[:LONGEST] or type(error).__name__
    if isinstance(status, int) and 400 <= status <= 599:
        return response_error(where, status, _headers(response), said.encode("utf-8", "replace"))
    names = {kind.__name__.lower() for kind in type(error).__mro__}
    if any("timeout" in name for name in names):
        return TimedOut(f"{where}: {said}")
    if any("connection" in name or "connect" in name for name in names):
        return Unreachable(f"{where}: {said}", retryable=True)
    return UpstreamFailed(f"{where} failed in its own library ({type(error).__name__}): {said}")


def _headers(response: Any) -> dict[str, str]:
    headers = getattr(response, "headers", None)
    return {str(name).lower(): str(value) for name, value in headers.items()} if isinstance(headers, Mapping) else {}
