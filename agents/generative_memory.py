"""The stream as the nodes of a run reach it: as calls of a tool, so that each is in the trace, is made once, whatever
crashes, and is answered from the recording in a replay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from agents.generative_options import GenerativeOptions
from agents.generative_stream import Draft, unreflected
from agents.memory.calls import once
from agents.memory.scoring import Weights, fitting, scored
from agents.memory.told import MemoryRead, MemoryWritten
from backends.base import Value

if TYPE_CHECKING:
    from agents.run import Run


class Remembered(Value):
    id: int
    text: str
    kind: str
    score: float = 0.0
    recency: float = 0.0
    importance: float = 0.0
    relevance: float = 0.0


class Diary(Value):
    latest: tuple[Remembered, ...]
    """Latest last."""
    plans: tuple[str, ...]
    unreflected: float


@dataclass(frozen=True)
class Memories:
    run: Run
    owner: tuple[str, ...]
    """Whose they are: the stream's name if it has one, and the persona's."""
    now: datetime
    options: GenerativeOptions

    async def add(self, drafts: Sequence[Draft]) -> list[int]:
        if not drafts:
            return []
        given = [draft.model_dump(mode="json") for draft in drafts]
        ids: list[int] = await self._call("remember", drafts=given)
        for id, draft in zip(ids, drafts, strict=True):
            self.run.emit(MemoryWritten, key=f"{draft.kind} {id}", text=draft.text)
        return ids

    def draft(
        self,
        text: str,
        kind: Literal["observation", "reflection", "plan"],
        importance: float,
        because_of: tuple[int, ...] = (),
    ) -> Draft:
        return Draft(text=text, kind=kind, importance=importance, made=self.now, because_of=because_of)

    async def recall(self, query: str) -> list[Remembered]:
        """Best first, as many as fit; from now on they were used now."""
        given = self.options
        weights = Weights(given.recency, given.importance, given.relevance)
        told = await self._call("recall", query=query, weights=list(weights), characters=given.max_memory_chars)
        found = [Remembered.model_validate(one) for one in told]
        self.run.emit(MemoryRead, query=query, texts=tuple(one.text for one in found))
        return found

    async def diary(self) -> Diary:
        return Diary.model_validate_json(json.dumps(await self._call("read", latest=self.options.latest)))

    async def _call(self, op: str, **given: Any) -> Any:
        about = {"of": self.owner, "now": self.now.isoformat(), **given}
        return await once(self.run, op, about, lambda key: getattr(_Doing(self, key), op)(**given))


@dataclass(frozen=True)
class _Doing:
    """What a call does, with its arguments as JSON has them."""

    memories: Memories
    key: str

    async def remember(self, drafts: list[Any]) -> list[int]:
        made = [Draft.model_validate(draft) for draft in drafts]
        return await self.memories.run.deps.memory.stream.add(self.memories.owner, made, self.key)

    async def recall(self, query: str, weights: list[float], characters: int) -> list[dict[str, Any]]:
        memory, owner, now = self.memories.run.deps.memory, self.memories.owner, self.memories.now
        records = await memory.stream.all(owner)
        nearness = await memory.nearness(query, [record.text for record in records])
        found = fitting(scored(records, nearness, now, Weights(*weights)), characters)
        await memory.stream.touch(owner, [one.record.id for one in found], now)
        return [
            {
                "id": one.record.id,
                "text": one.record.text,
                "kind": one.record.kind,
                "score": round(one.score, 6),
                "recency": round(one.recency, 6),
                "importance": round(one.importance, 6),
                "relevance": round(one.relevance, 6),
            }
            for one in found
        ]

    async def read(self, latest: int) -> dict[str, Any]:
        records = await self.memories.run.deps.memory.stream.all(self.memories.owner)
        return {
            "latest": [{"id": one.id, "text": one.text, "kind": one.kind} for one in records[-latest:]],
            "plans": [one.text for one in records if one.kind == "plan"][-PLANS:],
            "unreflected": unreflected(records),
        }


PLANS = 50
"""The latest: two days of hours, and more."""


def memories_of(run: Run, name: str) -> Memories:
    options = run.options(GenerativeOptions)
    return Memories(run, (options.stream, name), options.clock(run.began), options)
