"""The outside of a recorded run, as its nodes meet it: every answer is given again, piece by piece, in its turn.

An exchange is found by the step that it belongs to and by what is asked. The first piece comes when all events before
it have been told again, and so on, so that what ran side by side runs side by side in the same way.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic_core import to_jsonable_python

from agents.difference import Difference, difference
from agents.errors import NotIdentical
from agents.events import Event, LLMCalled, Retrieved, RunResumed, Token, ToolCalled, Warned
from agents.failures import Failure, LLMFailed, SearchFailed, ToolFailed
from agents.outlet import running_task
from agents.pieces import exception_of, last_pieces, piece_of, tell_again
from tools.perform import Outcome

if TYPE_CHECKING:
    from agents.expected import Expected
    from agents.run import Run
    from agents.taken_over import TakenOver
    from backends.base import Capabilities, Delta, Request, ToolCall
    from retrieval.base import Hit, Rerank

Ends = LLMCalled | LLMFailed | Retrieved | SearchFailed | ToolCalled | ToolFailed


LEFT_OUT_SECONDS = 4.0
"""Without any event, until what a step should have said is taken to be left out: its own code is all that it waits
for, or calls that it makes at the same time and that are told again in far less, but on a busy machine."""


class Exchange:
    """One recorded exchange: the places of its events, the last of which is its end, unless it broke off."""

    def __init__(self) -> None:
        self.number = 0
        """Of a model call."""
        self.places: list[int] = []
        self.end: Ends | None = None


class Tape:
    """The backend, the retriever and the tools of one attempt."""

    def __init__(self, expected: Expected | TakenOver, name: str, capabilities: Capabilities) -> None:
        self.name = name
        self.capabilities = capabilities
        self.failed: NotIdentical | None = None
        """Set when a node asks for something else than it did: the replay ends with it, whatever the node does."""
        self.hanging = 0
        """Exchanges that wait for what never came."""
        self._expected = expected
        self._open: defaultdict[str, int] = defaultdict(int)
        self._exchanges = exchanges(expected.events)
        self._claimed: set[int] = set()

    async def stream(self, request: Request) -> AsyncIterator[Delta]:
        task_id = await self._expected.ids.known(running_task())
        with self._opened(task_id):
            found = await self._find(task_id, (LLMCalled, LLMFailed), {"request": request})
            said: list[Delta] = []
            for place in found.places:
                await self._turn(task_id, place)
                event = self._expected.events[place]
                if isinstance(event, Token | Warned):
                    said.append(piece_of(event))
                    yield said[-1]
                elif isinstance(event, LLMCalled):
                    for delta in last_pieces(event.completion, said, reused=self._expected.reused):
                        yield delta
            if isinstance(found.end, LLMFailed):
                self._lose(found.end)
                raise exception_of(found.end)
            if found.end is None:
                await self._forever()

    async def search(self, query: str, k: int, *, where: Any | None = None, rerank: Rerank | None = None) -> list[Hit]:
        task_id = await self._expected.ids.known(running_task())
        asked = {"query": query, "k": k, "where": to_jsonable_python(where), "rerank": rerank}
        with self._opened(task_id):
            found = await self._find(task_id, (Retrieved, SearchFailed), asked)
            await self._turn(task_id, found.places[-1])
            if isinstance(found.end, Failure):
                raise exception_of(found.end)
            assert isinstance(found.end, Retrieved)
            return list(found.end.hits)

    async def call(self, run: Run, call: ToolCall) -> Outcome:
        """What the tool said. What it did by the run on its way, a search for example, is told again before."""
        task_id = await self._expected.ids.known(running_task())
        await run.outlet.passed_on()
        with self._opened(task_id):
            found = await self._find(task_id, (ToolCalled, ToolFailed), {"call": call})
            hits: dict[int, Hit] = {}
            for place in self._inside(task_id, found.places[-1]):
                await self._expected.turn(place)
                event = self._expected.events[place]
                if isinstance(event, Retrieved):
                    hits |= {hit.chunk_id: hit for hit in event.hits}
                tell_again(run, event)
            await self._expected.turn(found.places[-1])
            if isinstance(found.end, Failure):
                raise exception_of(found.end)
            assert isinstance(found.end, ToolCalled)
            chosen = tuple(hits[id] for id in found.end.chunk_ids if id in hits)
            return Outcome(found.end.output, chosen, found.end.fault)

    async def wait_for(self, kind: type[Event]) -> None:
        """Wait until the running step's next event of a kind is due: for a step that waits for others in a way that no
        exchange shows."""
        task_id = await self._expected.ids.known(running_task())
        places = (
            p for p, event in enumerate(self._expected.events) if event.task_id == task_id and type(event) is kind
        )
        place = next((place for place in places if place not in self._claimed), None)
        if place is not None:
            self._claimed.add(place)
            await self._expected.turn(place)
        elif self._expected.broken_off:
            await self._forever()

    @contextmanager
    def _opened(self, task_id: str) -> Iterator[None]:
        self._open[task_id] += 1
        if self._open[task_id] > 1:
            self._expected.at_once.add(task_id)
        try:
            yield
        finally:
            self._open[task_id] -= 1

    async def _find(self, task_id: str, kinds: tuple[type[Ends], ...], asked: dict[str, Any]) -> Exchange:
        left = self._exchanges[task_id]
        fitting = [x for x in left if isinstance(x.end, kinds)]
        wanted = to_jsonable_python(asked)
        same = (x for x in fitting if to_jsonable_python({name: getattr(x.end, name) for name in asked}) == wanted)
        found = next(same, None) or (self._broken_off(left) if LLMCalled in kinds else None)
        if found is None and fitting and (end := fitting[0].end) is not None:
            recorded = end.model_dump(mode="json")
            self._fail(difference(end.seq, end.run_id, recorded, recorded | wanted))
        if found is None and self._expected.broken_off:
            await self._forever()
        if found is None:
            after = self._expected.events[-1]
            self._fail(Difference(after.seq, after.run_id, "", None, {"node_asked_for": wanted}))
        left.remove(found)
        self._claimed |= set(found.places)
        return found

    def _inside(self, task_id: str, end: int) -> list[int]:
        """What the step said between the call of a tool and its end."""
        places = [place for place in self._expected.unmet(task_id, end) if place not in self._claimed]
        self._exchanges[task_id] = [x for x in self._exchanges[task_id] if not set(x.places) & set(places)]
        return places

    def _broken_off(self, left: Sequence[Exchange]) -> Exchange | None:
        return next((x for x in left if x.end is None), None)

    async def _turn(self, task_id: str, place: int) -> None:
        """Wait for an event's turn. Fails if the step has left out something that it once said before."""
        seen = -1
        while not await self._expected.turn(place, LEFT_OUT_SECONDS):
            missing = [p for p in self._expected.unmet(task_id, place) if p not in self._claimed]
            if missing and seen == self._expected.released:
                event = self._expected.events[missing[0]]
                self._fail(Difference(event.seq, event.run_id, "", event.model_dump(mode="json"), None))
            seen = self._expected.released

    def _fail(self, found: Difference) -> NoReturn:
        self.failed = self.failed or NotIdentical(found)
        raise self.failed

    def _lose(self, failure: LLMFailed) -> None:
        """A capability that turned out not to be there is known not to be from then on."""
        if failure.error_type == "CapabilityMissing" and failure.code in type(self.capabilities).model_fields:
            self.capabilities = self.capabilities.model_copy(update={failure.code: False})

    async def _forever(self) -> NoReturn:
        self.hanging += 1
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")


def exchanges(events: Sequence[Event]) -> dict[str, list[Exchange]]:
    """By step, in the order in which they began, as far as the recording shows it."""
    found: defaultdict[str, list[Exchange]] = defaultdict(list)
    asked: dict[tuple[int, str, int], Exchange] = {}
    attempt = 0
    for place, event in enumerate(events):
        attempt += isinstance(event, RunResumed)
        if isinstance(event, Token | Warned | LLMCalled | LLMFailed):
            if not event.call:
                continue
            known = asked.get((attempt, event.task_id, event.call))
            if known is None:
                known = asked[attempt, event.task_id, event.call] = Exchange()
                known.number = event.call
                found[event.task_id].append(known)
        elif isinstance(event, Retrieved | SearchFailed | ToolCalled | ToolFailed):
            known = Exchange()
            found[event.task_id].append(known)
        else:
            continue
        known.places.append(place)
        if isinstance(event, Ends):
            known.end = event
    for task_id in found:
        found[task_id].sort(key=lambda exchange: exchange.number)
    return found
