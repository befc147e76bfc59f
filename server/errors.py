"""One error shape for every route: {"error": {"message", "type", "param", "code"}}."""

from __future__ import annotations

import errno
import logging
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match, Route

from backends import errors as backend
from retrieval import errors as retrieval

log = logging.getLogger(__name__)


class ApiError(Exception):
    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        type: str | None = None,
        headers: Mapping[str, str] | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> None:
        """`about`: facts of ours for programs, as the error's `sandtable`."""
        super().__init__(message)
        self.status = status
        self.message = _encodable(message)
        self.param = param and _encodable(param)
        self.code = code
        self.headers = dict(headers or {})
        self.about = about
        self.type = type or TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")

    def body(self) -> dict[str, Any]:
        told = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return {"error": told if self.about is None else {**told, "sandtable": dict(self.about)}}


def _encodable(text: str) -> str:
    """JSON can smuggle in half of a surrogate pair, which cannot be sent back as it is."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def not_found(what: str, id: str, param: str | None = None) -> ApiError:
    return ApiError(404, f"No {what} with id {id!r}.", param=param, code="not_found")


def bad_request(message: str, param: str | None, code: str | None = None) -> ApiError:
    return ApiError(400, message, param=param, code=code)


BACKEND_STATUS: dict[type[backend.BackendError], tuple[int, str]] = {
    backend.Unreachable: (502, "backend_unreachable"),
    backend.TimedOut: (504, "backend_timeout"),
    backend.AuthenticationFailed: (502, "backend_authentication_failed"),
    backend.RateLimited: (429, "backend_rate_limited"),
    backend.ContextLengthExceeded: (400, "context_length_exceeded"),
    backend.RequestRefused: (400, "backend_refused"),
    backend.UpstreamFailed: (502, "backend_failed"),
    backend.BadReply: (502, "backend_bad_reply"),
    backend.BadStructuredOutput: (502, "backend_bad_structured_output"),
    backend.IncompleteStream: (502, "backend_incomplete_stream"),
    backend.CapabilityMissing: (400, "capability_missing"),
    backend.ScriptExhausted: (400, "script_exhausted"),
    backend.NotRecorded: (400, "not_recorded"),
    backend.BadSpec: (400, "bad_backend"),
}


RETRIEVAL_STATUS: dict[type[retrieval.RetrievalError], tuple[int, str | None, str]] = {
    retrieval.BadChunking: (400, "chunking_strategy", "invalid_chunking_strategy"),
    retrieval.BadIndexSpec: (400, "sandtable.index", "invalid_index"),
    retrieval.EmbedderMissing: (400, "sandtable.embedder", "embedder_missing"),
    retrieval.BadReranker: (400, "ranking_options.ranker", "unknown_ranker"),
    retrieval.RerankerMissing: (400, "ranking_options.ranker", "reranker_missing"),
    retrieval.UnknownGeneration: (400, "generation", "unknown_generation"),
    retrieval.EmbedderMismatch: (409, None, "embedder_mismatch"),
    retrieval.GenerationNotReady: (409, "generation_id", "generation_not_ready"),
    retrieval.GateFailed: (409, "force", "gate_failed"),
    retrieval.IndexUnavailable: (503, None, "index_unavailable"),
    retrieval.EmbedderAway: (503, None, "embedder_unavailable"),
}
"""Status, parameter and code."""
INDEX_AGAIN_SECONDS = 5.0
"""After which an engine or a model that was away is worth another try."""


def _from_retrieval(error: retrieval.RetrievalError) -> ApiError:
    if isinstance(error, retrieval.BadFilter):
        return bad_request(str(error), error.path, "invalid_filter")
    if isinstance(error, retrieval.EmbedderFailed):
        kind = None if error.status == 429 else "backend_error"
        headers = retry_after(error.retry_after)
        return ApiError(error.status, str(error), code="embedder_failed", type=kind, headers=headers)
    status, param, code = RETRIEVAL_STATUS.get(type(error), (500, None, "retrieval_failed"))
    headers = retry_after(INDEX_AGAIN_SECONDS if status == 503 else None)
    return ApiError(status, str(error), param=param, code=code, headers=headers)


def from_exception(error: BaseException) -> ApiError:
    """Our own errors keep their message; of any other only the log gets the details."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, backend.BackendError):
        status, code = BACKEND_STATUS.get(type(error), (502, "backend_failed"))
        param = "sandtable.backend" if isinstance(error, backend.BadSpec) else None
        kind = "backend_error" if status >= 500 else None
        return ApiError(status, str(error), code=code, param=param, type=kind, headers=retry_after(error.retry_after))
    if isinstance(error, retrieval.RetrievalError):
        return _from_retrieval(error)
    if (storage := _from_storage(error)) is not None:
        log.error("%s", storage.message)
        return storage
    log.error("unexpected error", exc_info=error)
    return ApiError(500, f"Internal error ({type(error).__name__}); the server's log has the details.", code="internal")


def _from_storage(error: BaseException) -> ApiError | None:
    """A disk that takes nothing more, met by SQLite (SQLAlchemy keeps its error as `orig`) or by a file; or a database
    that another process keeps to itself."""
    cause = getattr(error, "orig", error)
    full = isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT)
    readonly = isinstance(cause, OSError) and cause.errno == errno.EROFS
    if isinstance(cause, sqlite3.Error):
        # The low byte is the primary result code (https://sqlite.org/rescode.html).
        primary = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        full, readonly = primary == sqlite3.SQLITE_FULL, primary == sqlite3.SQLITE_READONLY
        if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            message = "Another process has the database locked; nothing was stored. Try again, or end that process."
            return ApiError(503, message, code="database_locked", headers={"retry-after": "5"})
    if full:
        return ApiError(507, "The disk of the data directory is full: free some space on it.", code="disk_full")
    if readonly:
        message = (
            "The data directory cannot be written: check its permissions and whether its disk is mounted read-only."
        )
        return ApiError(500, message, code="data_directory_read_only")
    return None


def retry_after(seconds: float | None) -> dict[str, str]:
    """The header by which OpenAI's clients time their next try."""
    return {} if seconds is None else {"retry-after": str(max(0, ceil(seconds)))}


def from_validation(errors: list[Any], body: Any = None) -> ApiError:
    """The first problem of a request body or query, named as OpenAI names it: `messages[0].role`."""
    # Of the alternatives that a field has, the one that fits deepest is the one that was meant.
    field = errors[0]["loc"][:2]
    first = max((e for e in errors if e["loc"][:2] == field), key=lambda e: len(e["loc"]))
    sent = body if first["loc"][0] == "body" else None
    where = _where(first["loc"][1:], sent)
    param = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in where).lstrip(".")
    if first["type"] == "extra_forbidden":
        return bad_request(f"Unknown parameter: {param!r}.", param, "unknown_parameter")
    if first["type"] == "missing" and tuple(first["loc"]) == ("body",):
        message = "The request has no body: send a JSON object, with content-type application/json."
        return bad_request(message, None, "invalid_json")
    if first["type"] == "missing":
        return bad_request(f"Missing required parameter: {param!r}.", param or None, "missing_required_parameter")
    if first["type"] == "json_invalid":
        return bad_request(
            f"The body is not valid JSON: {first.get('ctx', {}).get('error', '')}.", None, "invalid_json"
        )
    if not param:
        return bad_request("The body must be a JSON object, sent as application/json.", None, "invalid_json")
    got = first.get("input")
    shown = f" (got {str(got)[:100]!r})" if isinstance(got, str | int | float | bool) else ""
    why = _joined(e["msg"] for e in errors if _where(e["loc"][1:], sent) == where)
    return bad_request(f"Invalid value for {param!r}: {why}{shown}.", param, "invalid_value")


SHOULD_BE = "Input should be "


def _joined(messages: Iterable[str]) -> str:
    """What the alternatives of one field say, as one sentence."""
    said = list(dict.fromkeys(message.removeprefix("Value error, ") for message in messages))
    if all(message.startswith(SHOULD_BE) for message in said):
        return SHOULD_BE + " or ".join(message.removeprefix(SHOULD_BE) for message in said)
    return " / ".join(said)


def _unreadable(cause: BaseException | None) -> ApiError:
    """Why the framework could not read the body of a request; it keeps the reason as the cause of its error."""
    match cause:
        case UnicodeDecodeError():
            message = f"The body is not valid JSON: byte {cause.start} is not {cause.encoding.upper()}."
        case RecursionError():
            message = "The body is nested too deeply to be read."
        case ValueError():
            # Of the JSON reader's own errors this is the only other one: a limit of Python's on the digits of a number.
            message = "The body is not valid JSON: one of its numbers has too many digits."
        case _:
            message = "The body could not be read."
    return bad_request(message, None, "invalid_json")


def _where(place: Sequence[str | int], body: Any) -> list[str | int]:
    """The place without the names of alternatives that the validator tried there (`content.str`)."""
    if body is None:
        return list(place)
    kept: list[str | int] = []
    for number, part in enumerate(place):
        if isinstance(body, Mapping):
            if (part not in body and part != place[-1]) or _is_tag(place[number:], body):
                continue
            body = body.get(part)
        elif isinstance(body, list) and isinstance(part, int) and part < len(body):
            body = body[part]
        else:
            continue
        kept.append(part)
    return kept


def _is_tag(rest: Sequence[str | int], body: Mapping[str, Any]) -> bool:
    """Whether `rest` begins with what a type is told by (`{"type": "text", "text": ...}`), not with the field of that
    name: the part after it is then of `body`, or that field itself."""
    if len(rest) < 2 or rest[0] != body.get("type"):
        return False
    inner, after = body.get(str(rest[0])), rest[1]
    if isinstance(inner, Mapping):
        return after not in inner and (after == rest[0] or after in body)
    return not (isinstance(inner, list) and isinstance(after, int))


def response(error: ApiError) -> JSONResponse:
    headers = error.headers | ({"www-authenticate": "Bearer"} if error.status == 401 else {})
    return JSONResponse(error.body(), error.status, headers=headers)


def install(app: FastAPI, routes: Sequence[Route]) -> None:
    """Every error that a route raises becomes a reply; `routes` are asked which methods a path takes."""

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        return response(from_validation(list(error.errors()), error.body))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        path, method = request.url.path, request.scope.get("asked_method", request.method)
        if error.status_code == 404:
            return response(ApiError(404, f"No route {method} {path}; /docs lists them all.", code="unknown_route"))
        if error.status_code == 405:
            allow = ", ".join(_methods(request, routes)) or (error.headers or {}).get("Allow", "")
            message = f"{path} does not take {method}, only {allow}."
            return response(ApiError(405, message, code="method_not_allowed", headers={"allow": allow}))
        if error.status_code == 400:
            return response(_unreadable(error.__cause__))
        return response(ApiError(error.status_code, str(error.detail), code="http_error", headers=error.headers))

    async def ours(_request: Request, error: Exception) -> JSONResponse:
        return response(from_exception(error))

    for kind in (ApiError, backend.BackendError, retrieval.RetrievalError):
        app.add_exception_handler(kind, ours)


def _methods(request: Request, routes: Sequence[Route]) -> list[str]:
    """What the path of the request takes, by all of its routes; the router looks at the first one only."""
    fitting = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    # `/threads/search` is also what a thread's own path would be, if a thread could have that id.
    fewest = min((len(route.param_convertors) for route in fitting), default=0)
    fitting = [route for route in fitting if len(route.param_convertors) == fewest]
    found = {method for route in fitting for method in route.methods or ()}
    return sorted(found | ({"HEAD"} if "GET" in found else set()))
