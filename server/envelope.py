"""The two outermost ASGI layers: whatever happens inside, the client gets a whole reply."""

from __future__ import annotations

import logging

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.errors import from_exception, response

log = logging.getLogger(__name__)


class CatchAll:
    """Answers for an error that nobody else caught. It is not raised again as the framework would: the server takes
    such an error for its own, logs it a second time and closes the connection."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def noted(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except ClientDisconnect:
            log.debug("the client left during %s %s", scope["method"], scope["path"])
        except Exception as error:
            # Anything at all may come from a route; it is logged here. Of a reply that has begun, the server notices
            # that the end is missing, and closes the connection.
            reply = response(from_exception(error))
            if not started:
                await reply(scope, receive, send)


class HeadAsGet:
    """HEAD is what GET answers, without the body (RFC 9110, section 9.3.2)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        ended = False

        async def bodiless(message: Message) -> None:
            nonlocal ended
            if message["type"] != "http.response.body":
                await send(message)
            elif not ended:
                # The reply ends with its first piece: a stream would go on for as long as anyone listens.
                ended = True
                await send({"type": "http.response.body", "body": b""})

        await self._app({**scope, "method": "GET", "asked_method": "HEAD"}, receive, bodiless)
