"""Server-sent events: framing, heartbeats, and the headers that keep proxies from holding them back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import StreamingResponse

HEARTBEAT = 15.0
"""Seconds of silence after which a comment is sent, so that proxies keep the connection."""
MOST_READY = 1_000
"""Frames that wait for a client that reads slowly; then whatever makes them waits too."""


# Legal in JSON as they are, but some clients cut the stream into lines there.
LINE_ENDS = str.maketrans({end: f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"})


def data(text: str) -> str:
    """A frame that carries one JSON value."""
    return f"data: {text.translate(LINE_ENDS)}\n\n"


def event(seq: int, type: str, text: str) -> str:
    return f"id: {seq}\nevent: {type}\n{data(text)}"


def response(frames: AsyncGenerator[str, None]) -> StreamingResponse:
    headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
    return StreamingResponse(with_heartbeat(frames), media_type="text/event-stream", headers=headers)


async def with_heartbeat(frames: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    """Pass frames on, all that are there at once: many streams then cost one write per turn of the loop, not one per
    token. When the client goes, the source is closed, which cancels what makes the frames."""
    ready: asyncio.Queue[str | None] = asyncio.Queue(MOST_READY)
    pump = asyncio.create_task(_pump(frames, ready))
    try:
        frame: str | None = ""
        while frame is not None:
            try:
                async with asyncio.timeout(HEARTBEAT):
                    frame = await ready.get()
            except TimeoutError:
                yield ": ping\n\n"
                continue
            batch = []
            while frame is not None:
                batch.append(frame)
                if ready.empty():
                    break
                frame = ready.get_nowait()
            if batch:
                yield "".join(batch)
        await pump
    finally:
        # A task of its own: the request may be cancelled, which would cut every await in here short.
        await asyncio.shield(asyncio.create_task(_stop(pump)))


async def _pump(frames: AsyncGenerator[str, None], ready: asyncio.Queue[str | None]) -> None:
    try:
        async with aclosing(frames):
            async for frame in frames:
                await ready.put(frame)
    except Exception:
        await ready.put(None)
        raise
    await ready.put(None)


async def _stop(pump: asyncio.Task[None]) -> None:
    pump.cancel()
    await asyncio.gather(pump, return_exceptions=True)
