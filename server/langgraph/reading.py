"""Runs read along: as a stream that can be taken up again, or by their last values."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

from starlette.responses import StreamingResponse

from agents.events import TERMINAL
from server import sse
from server.errors import ApiError
from server.langgraph.frames import Frames
from server.langgraph.known_assistants import id_of
from server.langgraph.run_rows import headers_of
from server.langgraph.snapshots import Snapshot, snapshot, soon
from server.runs.order import Order

if TYPE_CHECKING:
    from server.services import Services

LONGEST = 15


class Place:
    """Where a reader of a stream is: `17`, all of the event 17 seen; `17.2`, two of its parts."""

    def __init__(self, text: str) -> None:
        """Raises ApiError."""
        seq, dot, parts = text.partition(".")
        for number in (seq, parts) if dot else (seq,):
            if not (number.isascii() and number.isdigit() and len(number) <= LONGEST):
                message = f"Last-Event-ID is {text[:50]!r}; it must be the id of an event of this run."
                raise ApiError(422, message, param="Last-Event-ID", code="invalid_value")
        self.seq = int(seq)
        self.parts = int(parts) if dot else None

    def seen(self, seq: int) -> bool:
        return seq < self.seq or (seq == self.seq and self.parts is None)

    def rest(self, seq: int) -> int:
        """How many parts of an event the reader has."""
        return self.parts or 0 if seq == self.seq else 0


def stream(
    services: Services,
    run: Any,
    modes: list[str],
    *,
    subgraphs: bool,
    after: str | None = None,
    cancels: bool = False,
) -> StreamingResponse:
    """`run`: its row or its order. `cancels`: the run ends when the reader goes."""
    place = Place(after or "0")
    response = sse.response(_frames(services, run, modes, place, subgraphs=subgraphs, cancels=cancels))
    response.headers.update(headers_of(run, "stream"))
    return response


async def _frames(
    services: Services, run: Any, modes: list[str], place: Place, *, subgraphs: bool, cancels: bool
) -> AsyncGenerator[str, None]:
    about = about_run(run)
    frames = Frames(about, modes, loader(services, about["thread_id"]), subgraphs=subgraphs)
    over = False
    try:
        async for seq, type, text in services.events.follow(about["run_id"], 0):
            over = type in TERMINAL
            made = await frames.of(type, text, sent=place.seen(seq))
            for n, (name, data) in enumerate(made[place.rest(seq) :], start=place.rest(seq) + 1):
                # Only the last part of an event has its number for an id: who has seen less gets the others again.
                id = str(seq) if n == len(made) else f"{seq}.{n}"
                yield f"id: {id}\nevent: {name}\n{sse.data(data)}"
    finally:
        if cancels and not over:
            services.runs.cancel(about["run_id"])


def about_run(run: Any) -> dict[str, Any]:
    run_id = getattr(run, "run_id", None) or run.id
    pipeline = run.pipeline if isinstance(run.pipeline, str) else run.pipeline.name
    request = run.request if isinstance(run, Order) else run.order.get("request", {})
    assistant = request.get("assistant_id") or id_of(pipeline)
    return {"run_id": run_id, "thread_id": run.thread_id, "graph_id": pipeline, "assistant_id": assistant}


def loader(services: Services, thread_id: str) -> Any:
    async def load(checkpoint_id: str | None) -> Snapshot | None:
        if checkpoint_id is not None:
            return await soon(services, thread_id, checkpoint_id)
        return await snapshot(services, thread_id)

    return load
