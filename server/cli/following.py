"""A run followed by its events, told in the form of chat chunks, so that every answer is printed by one hand."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

from backends.sse import EventReader
from server.cli.api import Api
from server.cli.failure import CommandFailed


async def chunks(api: Api, run_id: str, backend: str) -> AsyncGenerator[dict[str, Any]]:
    """Raises CommandFailed when the run fails, waits again (code `run_interrupted`), or cannot be followed."""
    from agents.events import EVENT, End
    from server.openai.trace_text import reasoning_of
    from server.run_errors import no_answer

    reader = EventReader()
    path, headers = f"/v1/runs/{run_id}/events", {"accept": "text/event-stream"}
    async with api.stream("GET", path, headers=headers) as response:
        async for piece in api.pieces(response):
            for told in reader.feed(piece):
                event = EVENT.validate_python(json.loads(told.data), strict=False)
                if isinstance(event, End) and (error := no_answer(event)) is not None:
                    raise CommandFailed(
                        error.message,
                        type=error.type,
                        param=error.param,
                        code=error.code,
                        about=dict(error.about or {}),
                    )
                if text := reasoning_of(event):
                    yield _delta(reasoning_content=text)
                elif event.type == "token":
                    yield _delta(content=event.text)
                elif isinstance(event, End):
                    yield _end(event, run_id, backend)
                    return
    raise CommandFailed(f"{api.name} ended the trace without its end", type="connection_error", code="broken")


def _delta(**delta: Any) -> dict[str, Any]:
    return {"choices": [{"delta": delta}]}


def _end(event: Any, run_id: str, backend: str) -> dict[str, Any]:
    notes = [citation.model_dump(mode="json") for citation in getattr(event, "citations", ())]
    usage = event.usage.model_dump() if event.usage is not None else None
    facts = {"run_id": run_id, "backend": backend, "seconds": event.seconds, "limit": getattr(event, "limit", None)}
    return {**_delta(annotations=notes), "usage": usage, "sandtable": facts}
