"""A collection at work: text in, hits out. The async face of the database, the contents maps and the generations.

Order of changes, so that a search never finds what is not there: an addition is committed to the database first and
indexed after; a removal leaves the index first and the database after. What was acknowledged survives kill -9, since
an index is brought in line with the database when it is opened.

Every lane receives every write, so any of them can be made the active one by moving a pointer. A search keeps the lane
that it began with.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from retrieval import catalog, filters, generations
from retrieval.base import AttributeValue, Embedder, Hit, Rerank
from retrieval.contents import Content, Contents, FileEntry
from retrieval.errors import IndexUnavailable, UnknownGeneration
from retrieval.generation import FOLD_AT_LEAST, Batch, Generation
from retrieval.hits import found as found_in
from retrieval.hits import found_at_once
from retrieval.lanes import Lane
from retrieval.pace import Pace, Stopped
from retrieval.reach import caught_up, reachable
from retrieval.resources import Resources

if TYPE_CHECKING:
    from retrieval.base import Ids
    from retrieval.filters import Predicate

log = logging.getLogger(__name__)

READ = 2_000
"""Characters of a query that the dense half looks at, some windows of the embedder. A longer query is a text of its
own, which would hold up all other searches; the lexical half looks at all of it."""
FOLD_AT_CLOSE = 20_000
"""Chunks beyond which a stop does not wait for a new base: without it the next start only takes longer."""
SPARE = 8
"""Hits asked for beyond k: chunks may vanish between the index and the database while files are deleted."""
STOP_S = 5.0
"""That the loading of generations may take to notice that it is to stop."""
ASKED = 512
"""Queries remembered, in memory alone, for the measuring of generations."""


class Collection:
    """Made by `retrieval.opening`. `lanes`: the loaded generations, by id; `views`: their contents, by chunking."""

    def __init__(self, id: str, active: Lane, resources: Resources) -> None:
        self.id = id
        self.active = active
        self.lanes = {active.id: active}
        self.views = {active.chunking: active.contents}
        self.changing = asyncio.Lock()
        self.asked: deque[str] = deque(maxlen=ASKED)
        self.pace = resources.pace()
        self.resources = resources
        self.beside: asyncio.Task[None] | None = None
        """The loading of the generations that are not active, and of those whose model was away."""
        self.coming: set[str] | None = set()
        """Of these, the ones whose loading has not come to its end; None: it is not known yet which there are."""
        self.step = asyncio.Event()
        """Set, and replaced, whenever one of them is loaded or cannot be."""
        self.tried = 0.0
        """When the last loading came to its end, on time.monotonic's clock."""
        self._folding: asyncio.Task[None] | None = None

    @property
    def generation_id(self) -> str:
        return self.active.id

    @property
    def generation(self) -> Generation:
        return self.active.generation

    @property
    def embedder(self) -> Embedder:
        return self.active.generation.embedder

    @property
    def contents(self) -> Contents:
        return self.views[self.active.chunking]

    def lane(self, generation_id: str | None) -> Lane:
        """The active one (None or `active`), or one that is loaded. Raises UnknownGeneration, EmbedderMismatch,
        EmbedderAway."""
        lane = self.active if generation_id in (None, "active") else self.lanes.get(str(generation_id))
        if lane is None:
            known = ", ".join(f"{id!r}{' (active)' if id == self.active.id else ''}" for id in self.lanes)
            raise UnknownGeneration(f"no generation {generation_id!r} can be searched here; there are {known}")
        if lane.refusal is not None:
            raise lane.refusal
        return lane

    async def loaded(self, generation_id: str | None) -> Lane:
        """As `lane`, after those that are not active are loaded, if it is none of the ones that are."""
        if generation_id in (None, "active", *self.lanes):
            return self.lane(generation_id)
        await self.settled(str(generation_id))
        try:
            return self.lane(generation_id)
        except UnknownGeneration as error:
            get = partial(generations.get, collection_id=self.id, generation_id=str(generation_id))
            row = await self.resources.database.read(get)
            if row is None:
                raise
            why = f" ({row.error})" if row.error else ""
            raise UnknownGeneration(f"the generation is {row.status}{why}: {error}") from None

    async def settled(self, generation_id: str | None = None) -> None:
        """Return once it is loaded or cannot be, if it is being loaded; None: all that were never tried before."""
        while self.coming is None or (
            generation_id in self.coming if generation_id is not None else not self.coming <= self.lanes.keys()
        ):
            await self.step.wait()

    async def search(
        self, query: str, k: int, *, where: Mapping[str, Any] | None = None, lane: Lane | None = None,
        rerank: Rerank | None = None, asked: bool = True,
    ) -> list[Hit]:  # fmt: skip
        """The k best chunks, best first; fewer only if there are fewer. `lane`: the active one (None), or another.
        `asked`: by somebody, and not in order to measure.

        Raises BadFilter, EmbedderMismatch, EmbedderAway, BadReranker, RerankerMissing, IndexUnavailable.
        """
        if rerank is not None:
            first = await self.search(query, max(k, rerank.depth), where=where, lane=lane, asked=asked)
            return (await self.resources.rerankers.reranked(rerank.ranker, query, first))[:k]
        allowed = filters.parse(where) if where is not None else None
        lane = lane if lane is not None else self.active
        if lane.refusal is not None:
            raise lane.refusal
        if asked:
            self.asked.append(query)
        contents, vector, spare = lane.contents, None, SPARE
        if lane.is_quick and allowed is None:
            look = partial(found_at_once, self.resources.database, lane, contents, query, k=k, spare=spare)
            vector, at_once = await lane.queries.then(query[:READ], look)
        else:
            at_once = None
            if lane.generation.spec.dense is not None:
                vector = await lane.queries.embed(query[:READ])
        found, hits = at_once or await self._look(lane, contents, query, vector, k, spare, allowed)
        while len(hits) < k and found >= k + spare:
            # A large file is being replaced or deleted, and its chunks fill the ranking: look further down.
            spare *= 8
            found, hits = await self._look(lane, contents, query, vector, k, spare, allowed)
        return hits

    async def _look(self, lane: Lane, *wanted: Any) -> tuple[int, list[Hit]]:
        await caught_up(self, lane)
        try:
            return await self.in_thread(found_in, self.resources.database, lane, *wanted)  # type: ignore[no-any-return]
        except IndexUnavailable as error:
            if not error.lost:
                raise
        await caught_up(self, lane)
        return await self.in_thread(found_in, self.resources.database, lane, *wanted)  # type: ignore[no-any-return]

    async def matched_terms(
        self, query: str, chunk_ids: Sequence[int], lane: Lane | None = None
    ) -> list[list[str]]:  # fmt: skip
        """For each chunk the terms of the query that it holds. On a thread: it waits for the index's lock."""
        matched = (lane or self.active).generation.matched_terms
        return await self.in_thread(lambda: [matched(query, id) for id in chunk_ids])  # type: ignore[no-any-return]

    async def scope(self, where: Mapping[str, Any] | None, lane: Lane | None = None) -> dict[str, Any]:
        """What a search would look through: how many chunks there are, how many the filter leaves, and how."""
        lane = lane if lane is not None else self.lane(None)
        allowed = filters.parse(where) if where is not None else None
        return await self.in_thread(_scope, lane, allowed)  # type: ignore[no-any-return]

    async def add_committed(self, file: FileEntry, done: catalog.Committed, batches: Mapping[str, Batch]) -> None:
        """Take over what an ingest has committed; a batch for every lane. The caller holds `changing`."""
        for key, contents in self.views.items():
            place = done.own if key is None else done.views[key]
            lanes = [lane for lane in self.lanes.values() if lane.chunking == key and lane.refusal is None]
            if place.content_id not in contents:
                for lane in lanes:
                    await self._tell(lane, lane.generation.add, batches[lane.id])
            former = contents.drop_file(file.file_id)
            contents.add_content(Content(place.content_id, place.first, place.count))
            contents.put_file(place.content_id, file)
            if former is not None and former.id != place.content_id:
                await self._remove(lanes, former)
        self.fold_soon()

    async def remove_file(self, file_id: str) -> bool:
        """Take a file out, of the index first. False if the collection does not have it. Raises IndexUnavailable."""
        await reachable(self, self.active)
        async with self.changing:
            for key, contents in self.views.items():
                orphan = contents.drop_file(file_id)
                if orphan is not None:
                    await self._remove([lane for lane in self.lanes.values() if lane.chunking == key], orphan)
            return await self.resources.database.write(lambda db: catalog.delete_document(db, self.id, file_id))

    async def set_attributes(self, file_id: str, attributes: Mapping[str, AttributeValue]) -> None:
        async with self.changing:
            await self.resources.database.write(lambda db: catalog.set_attributes(db, self.id, file_id, attributes))
            for contents in self.views.values():
                entry, content_id = contents.entry(file_id), contents.content_of(file_id)
                if entry is not None and content_id is not None:
                    contents.put_file(content_id, FileEntry(file_id, entry.filename, dict(attributes)))

    def drop_lane(self, generation_id: str) -> None:
        """Forget a generation that is not the active one; searches under way keep it to their end."""
        lane = self.lanes.pop(generation_id, None)
        if lane is not None and all(other.chunking != lane.chunking for other in self.lanes.values()):
            del self.views[lane.chunking]

    async def close(self, pace: Pace) -> None:
        """Leave bases that the next start can load, where enough has changed to be worth it, while `pace` lasts."""
        await self.stop()
        async with self.changing:
            for lane in list(self.lanes.values()):
                if len(lane.generation) <= FOLD_AT_CLOSE:
                    await self._fold(lane, 256, pace)

    async def stop(self) -> None:
        """End what goes on beside searches and changes."""
        self.pace.stop()
        if self.beside is not None:
            # Its thread may wait for a service that hangs.
            await asyncio.wait({self.beside}, timeout=STOP_S)
            self.beside.cancel()
        for task in (self._folding, *(lane.catching_up for lane in self.lanes.values())):
            if task is not None:
                with suppress(IndexUnavailable):
                    await task

    def fold_soon(self) -> None:
        """Write new bases where they are due, beside searches and changes."""
        if self._folding is None or self._folding.done():
            self._folding = asyncio.create_task(self._fold_all(), name=f"fold {self.id}")

    async def _fold_all(self) -> None:
        for lane in list(self.lanes.values()):
            await self._fold(lane, FOLD_AT_LEAST, self.pace)

    async def _fold(self, lane: Lane, at_least: int, pace: Pace) -> None:
        if lane.refusal is not None or not lane.generation.is_due(at_least):
            return
        try:
            await self.building(partial(lane.generation.fold_if_due, at_least=at_least, pace=pace))
        except Stopped:
            log.info("the index of %s was not written: the service stops", lane.id)
        except OSError:
            # The database has everything; without a new base only the next start is slower.
            log.exception("the index of %s could not be written", lane.id)

    async def _remove(self, lanes: Sequence[Lane], content: Content) -> None:
        for lane in lanes:
            await self._tell(lane, lane.generation.remove, _ids_of(content))

    async def _tell(self, lane: Lane, change: Any, about: Any) -> None:
        """Have a lane changed. One whose engine is away misses it, and catches up later: the database has it."""
        if lane.generation.behind:
            return
        try:
            await self.in_thread(change, about)
        except IndexUnavailable as error:
            log.warning("generation %s of %s misses changes: %s", lane.id, self.id, error)

    async def in_thread(self, *work: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.resources.searchers, *work)

    async def building(self, work: Any, *arguments: Any) -> Any:
        """On the thread for whatever takes long."""
        return await asyncio.get_running_loop().run_in_executor(self.resources.builder, work, *arguments)

    async def opening(self, work: Any, *arguments: Any) -> Any:
        """Behind the searches, and beside what is built."""
        return await asyncio.get_running_loop().run_in_executor(self.resources.openers, work, *arguments)


def _scope(lane: Lane, where: Predicate | None) -> dict[str, Any]:
    held = len(lane.generation)
    left = held if where is None else len(lane.contents.allowed(where))
    spec = lane.generation.spec
    exact = spec.dense is not None and not lane.generation.approximates(left)
    halves = {"dense": "exact" if exact else "approximate"} if spec.dense is not None else {}
    if spec.lexical:
        halves["lexical"] = "exact"
    return {"index": spec.text, "chunks": held, "allowed": left, "halves": halves, "fusion": spec.fusion}


def _ids_of(content: Content) -> Ids:
    import numpy as np

    return np.arange(content.first, content.first + content.count, dtype=np.int64)
