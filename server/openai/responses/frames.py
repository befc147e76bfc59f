"""The stream of a response, from the events of its run."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from agents.events import EVENT, End, Event, Retrieved, RunFailed, Thought, Token
from server import sse
from server.openai.responses.asking import PARAMS
from server.openai.responses.fold import Fold
from server.run_errors import from_failure


async def begun_of(events: AsyncGenerator[Event]) -> list[Event]:
    """Read up to the first thing that is told of the answer. Raises ApiError if the run fails before: until then the
    status of the reply can still tell it, and clients know which statuses to try again."""
    begun: list[Event] = []
    async for event in events:
        begun.append(event)
        if isinstance(event, RunFailed):
            await events.aclose()
            raise from_failure(event, PARAMS)
        if isinstance(event, Token | Thought | Retrieved | End):
            break
    return begun


async def chain(begun: list[Event], rest: AsyncGenerator[Event]) -> AsyncGenerator[Event]:
    async with aclosing(rest) as events:
        for event in begun:
            yield event
        async for event in events:
            yield event


async def parsed(stored: AsyncIterator[tuple[int, str, str]]) -> AsyncGenerator[Event]:
    async for _, _, data in stored:
        yield EVENT.validate_json(data)


async def frames(fold: Fold, events: AsyncGenerator[Event], after: int) -> AsyncGenerator[str]:
    """The typed events with a number above `after`."""
    for told in fold.open():
        if told["sequence_number"] > after:
            yield _frame(told)
    async with aclosing(events) as run:
        async for event in run:
            for told in fold.feed(event):
                if told["sequence_number"] > after:
                    yield _frame(told)


def _frame(told: dict[str, Any]) -> str:
    return f"event: {told['type']}\n{sse.data(json.dumps(told, ensure_ascii=False))}"
