"""Server-sent events: framing, heartbeats, and the headers that keep proxies from holding them back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

from starlette.responses import StreamingResponse

HEARTBEAT = 15.0
"""Seconds of silence after which a comment is sent, so that proxies keep the connection."""


# Legal in JSON as they are, but some clients cut the stream into lines there.
LINE_ENDS = str.maketrans({end: f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"})


def data(text: str) -> str:
    """A frame that carries one JSON value."""
    return f"data: {text.translate(LINE_ENDS)}\n\n"


def event(seq: int, type: str, text: str) -> str:
    return f"id: {seq}\nevent: {type}\n{data(text)}"


def response(frames: AsyncIterator[str]) -> StreamingResponse:
    headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
    return StreamingResponse(with_heartbeat(frames), media_type="text/event-stream", headers=headers)


async def with_heartbeat(frames: AsyncIterator[str]) -> AsyncIterator[str]:
    """Pass frames on; close the source when the client goes, which cancels what makes them."""
    pending: asyncio.Task[str] | None = None
    try:
        while True:
            pending = pending or asyncio.ensure_future(anext(frames))
            done, _ = await asyncio.wait({pending}, timeout=HEARTBEAT)
            if not done:
                yield ": ping\n\n"
                continue
            task, pending = pending, None
            try:
                yield task.result()
            except StopAsyncIteration:
                return
    finally:
        # A task of its own: the request may be cancelled, which would cut every await in here short.
        await asyncio.shield(asyncio.ensure_future(_close(frames, pending)))


async def _close(frames: AsyncIterator[str], pending: asyncio.Task[str] | None) -> None:
    if pending is not None:
        pending.cancel()
        await asyncio.gather(pending, return_exceptions=True)
    if isinstance(frames, AsyncGenerator):
        await frames.aclose()
