"""What has become of stored responses: as they ended, or as far as they have come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from agents.events import EVENT
from server.openai.responses.fold import Fold
from server.storage import responses, runs

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from server.services import Services

ALL = frozenset({"file_search_call.results", "message.output_text.logprobs"})
MOST_EVENTS = 1_000_000
Shown = dict[str, Any]


def fold_of(row: Row[Any], include: Iterable[str]) -> Fold:
    return Fold(row.shell, row.about, frozenset(include))


async def final_of(services: Services, row: Row[Any]) -> Shown | None:
    """The response as it ended, with all that can be included; None while it is being made."""
    if row.final is not None:
        return dict(row.final)
    if not await services.database.read(lambda db: runs.is_over(db, row.run_id)):
        return None
    final = await services.database.read(lambda db: _folded(db, row))
    await services.database.write(lambda db: responses.settle(db, row, final))
    return final


async def shown(services: Services, row: Row[Any], include: Iterable[str]) -> Shown:
    """The response as it stands, with what the client wants included."""
    now = await final_of(services, row)
    if now is None:
        now = await services.database.read(lambda db: _folded(db, row))
    return without(now, ALL - set(include))


async def settle_conversation(services: Services, conversation_id: str) -> None:
    """Let a conversation grow by the responses that have ended since it was last looked at."""
    for row in await services.database.read(lambda db: responses.unsettled(db, conversation_id)):
        await final_of(services, row)


def without(response: Shown, left_out: frozenset[str]) -> Shown:
    return {**response, "output": [item_without(item, left_out) for item in response["output"]]}


def item_without(item: Shown, left_out: frozenset[str]) -> Shown:
    if item["type"] == "file_search_call" and "file_search_call.results" in left_out:
        return {**item, "results": None}
    if item["type"] == "message" and item["role"] == "assistant" and "message.output_text.logprobs" in left_out:
        parts = [{**part, "logprobs": []} if part["type"] == "output_text" else part for part in item["content"]]
        return {**item, "content": parts}
    return item


def _folded(db: Connection, row: Row[Any]) -> Shown:
    fold = fold_of(row, ALL)
    fold.open()
    for _, _, data in runs.read_events(db, row.run_id, 0, MOST_EVENTS):
        fold.feed(EVENT.validate_json(data))
    return fold.snapshot()
