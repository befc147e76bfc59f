"""Runs waited for: their last values, as JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from starlette.responses import StreamingResponse

from agents.events import TERMINAL
from server.langgraph.reading import about_run, loader
from server.langgraph.run_outcome import error_of, final_values
from server.langgraph.run_rows import headers_of
from server.storage import runs

if TYPE_CHECKING:
    from server.services import Services

PATIENCE = 15.0
"""Seconds of silence after which a waiting client gets a blank, so that its connection is kept."""


def wait(services: Services, run: Any, *, cancels: bool = False) -> StreamingResponse:
    """The run's last values as JSON, once it has ended; blanks before them keep the connection."""
    body = _blanks_then(services, run, cancels=cancels)
    return StreamingResponse(body, media_type="application/json", headers=headers_of(run, "join"))


async def _blanks_then(services: Services, run: Any, *, cancels: bool) -> AsyncIterator[str]:
    run_id, over = about_run(run)["run_id"], False
    result = asyncio.create_task(values_when_over(services, run))
    try:
        while not over:
            done, _ = await asyncio.wait({result}, timeout=PATIENCE)
            over = bool(done)
            yield json.dumps(result.result(), ensure_ascii=False) if over else "\n"
    finally:
        result.cancel()
        if cancels and not over:
            services.runs.cancel(run_id)


async def values_when_over(services: Services, run: Any) -> dict[str, Any]:
    about = about_run(run)
    run_id, checkpoint_id, end = about["run_id"], None, None
    async for _, type, text in services.events.follow(run_id, 0):
        if type == "checkpointed":
            checkpoint_id = json.loads(text)["checkpoint_id"]
        elif type in TERMINAL:
            end = json.loads(text)
    if end is None:
        gone = await services.database.read(lambda db: runs.is_over(db, run_id))
        return {"__error__": {"error": "Gone", "message": f"the run {run_id!r} was deleted" if gone else "no end"}}
    if end["type"] == "run_failed":
        return {"__error__": error_of(end)}
    return await final_values(end, await loader(services, about["thread_id"])(checkpoint_id), run_id)
