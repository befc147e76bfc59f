"""A chat completion as it comes."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

from backends.sse import EventReader
from server.cli.api import Api, refused
from server.cli.failure import CommandFailed

PATH = "/v1/chat/completions"


async def chunks(api: Api, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
    """The chunks of the answer to `body`. Raises CommandFailed, also when the stream ends without its end."""
    reader = EventReader()
    streamed = {**body, "stream": True, "stream_options": {"include_usage": True}}
    async with api.stream("POST", PATH, json=streamed) as response:
        async for piece in api.pieces(response):
            for event in reader.feed(piece):
                if event.data == "[DONE]":
                    return
                chunk = json.loads(event.data)
                if "error" in chunk:
                    raise refused(chunk["error"])
                yield chunk
    raise CommandFailed(f"{api.name} ended the answer without finishing it", type="connection_error", code="broken")
