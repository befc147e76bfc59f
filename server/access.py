"""Who may call, and how much they may send: three thin ASGI layers before any route."""

from __future__ import annotations

import hmac
from collections.abc import Collection, Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.errors import ApiError, response

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/docs", "/docs.js", "/openapi.json"})
LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
LOCAL_ORIGIN = r"https?://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?"


class Authentication:
    """Puts the tenant into the scope. The key decides it; without keys there is one tenant, and only local host names
    are answered, so that a web page cannot reach the service through a name of its own (DNS rebinding)."""

    def __init__(self, app: ASGIApp, tenants: Mapping[str, str], origins: Collection[str] = ()) -> None:
        """`origins`: whose web pages have access beside those of this machine."""
        self._app = app
        self._tenants = tenants
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers: dict[bytes, bytes] = dict(scope["headers"])
            try:
                scope.setdefault("state", {})["tenant"] = self._tenant(scope["path"], headers)
            except ApiError as error:
                await response(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _tenant(self, path: str, headers: Mapping[bytes, bytes]) -> str:
        if not self._tenants:
            host = headers.get(b"host", b"").decode("latin-1")
            if not host:
                raise ApiError(400, "The request has no Host header; HTTP/1.1 requires one.", code="missing_host")
            if not _is_local(host):
                raise ApiError(403, f"Host {host!r} is not this machine; set an API key to serve other names.")
            # A form can be posted here from any web page; the browser then says from which.
            origin = headers.get(b"origin", b"").decode("latin-1")
            if origin and origin not in self._origins and not _is_local(origin.partition("://")[2]):
                message = f"Pages of {origin!r} have no access; the setting 'allowed_origins', or a key, gives it."
                raise ApiError(403, message)
            return "default"
        if path in OPEN_PATHS:
            return "default"
        scheme, _, bearer = headers.get(b"authorization", b"").partition(b" ")
        given = bearer.strip() if scheme.lower() == b"bearer" else headers.get(b"x-api-key", b"")
        if not given:
            raise ApiError(401, "Missing API key: send `Authorization: Bearer KEY`.", code="missing_api_key")
        for key, tenant in self._tenants.items():
            if hmac.compare_digest(key.encode(), given):
                return tenant
        raise ApiError(401, "Incorrect API key.", code="invalid_api_key")


def _is_local(host: str) -> bool:
    """Whether `name` or `name:port` is this machine."""
    name = host if host.endswith("]") else host.rsplit(":", 1)[0]
    return name.lower() in LOCAL_HOSTS


class BodyLimit:
    """Refuses a body that is too large: by its declared length at once, else as soon as it has come."""

    def __init__(self, app: ASGIApp, most: int, most_upload: int) -> None:
        self._app = app
        self._most = most
        # A multipart form is some hundred bytes longer than the file in it.
        self._most_upload = most_upload + 65_536

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        upload = scope["path"] == "/v1/files"
        most = self._most_upload if upload else self._most
        setting = "max_upload_bytes" if upload else "max_body_bytes"
        shown = f"the limit is {most - 65_536 if upload else most} bytes (setting {setting})"
        error = ApiError(413, f"The request is too large: {shown}.", param="file" if upload else None, code="too_large")
        declared = dict(scope["headers"]).get(b"content-length", b"")
        if declared.isdigit() and int(declared) > most:
            await response(error)(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > most:
                raise error
            return message

        async def unless_over(message: Message) -> None:
            # The framework answers a body that breaks off with an error of its own; ours says why.
            if seen <= most:
                await send(message)

        try:
            await self._app(scope, counted, unless_over)
        except ApiError:
            if seen <= most:
                raise
        if seen > most:
            await response(error)(scope, receive, send)
