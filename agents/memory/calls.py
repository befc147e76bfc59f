"""Memory as the nodes of a run reach it: as calls, so that each is in the trace, is made once, whatever crashes, and is
answered from the recording in a replay. They do not count as tool calls: no caller asked for them one by one."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from agents.memory.recalling import By, Recalled, forget, recall
from agents.memory.record import Draft
from agents.memory.remembering import Written, remember
from agents.memory.told import TOOL, MemoryForgotten, MemoryRead, MemoryWritten
from backends.base import ToolCall, Value
from tools.perform import Outcome

if TYPE_CHECKING:
    from agents.memory.record import Owner
    from agents.memory.settings import MemorySettings
    from agents.run import Run


async def once(run: Run, do: str, about: dict[str, Any], perform: Callable[[str], Awaitable[Any]]) -> Any:
    """What `perform` gives, as JSON. It gets the call's key, the same whenever the call is made again."""
    arguments = json.dumps({"do": do, **about}, ensure_ascii=False)
    id = f"memory_{sha256(arguments.encode()).hexdigest()[:12]}"

    async def outcome(key: str) -> Outcome:
        return Outcome(json.dumps(await perform(key), ensure_ascii=False))

    called = await run.call(ToolCall(id=id, name=TOOL, arguments=arguments), outcome, counted=False)
    return json.loads(called.text)


class Diary(Value):
    """What a reflection begins from."""

    unreflected: float
    """The importance of what was observed since the last reflection."""
    latest: tuple[str, ...]
    """Texts, latest last."""


def owner_of(run: Run) -> Owner:
    return run.deps.memory.owner(run.input.user)


async def recalled(run: Run, settings: MemorySettings, query: str, *, k: int | None = None) -> list[Recalled]:
    """Best first; from now on they were used at the time at which the run began."""
    kind, archive, owner = settings.kind, run.deps.memory.archive, owner_of(run)
    assert kind != "none"
    about: dict[str, Any] = {"kind": kind, "query": query, "k": k or settings.records, "now": run.began.isoformat()}
    if settings.at is not None:
        about["at"] = settings.at.isoformat()
    by: By = "vectors" if settings.format == "embeddings" else "hybrid"

    async def perform(_: str) -> list[Any]:
        found = await recall(
            archive, owner, kind, query, about["k"], settings.at, by=by, weights=settings.weights, now=run.began
        )  # fmt: skip
        return [one.model_dump(mode="json", exclude_none=True) for one in found]

    found = [Recalled.model_validate(one) for one in await once(run, "recall", about, perform)]
    texts, ids = tuple(one.record.text for one in found), tuple(one.record.id for one in found)
    run.emit(MemoryRead, query=query, texts=texts, ids=ids, memory=kind)
    return found


async def remembered(run: Run, drafts: Sequence[Draft]) -> list[Written]:
    if not drafts:
        return []
    archive, owner = run.deps.memory.archive, owner_of(run)

    async def perform(key: str) -> list[Any]:
        return [one.model_dump(mode="json") for one in await remember(archive, owner, drafts, key)]

    about = {"drafts": [draft.model_dump(mode="json") for draft in drafts]}
    told = [Written.model_validate(one) for one in await once(run, "remember", about, perform)]
    for one, draft in zip(told, drafts, strict=False):  # A call made again after a crash tells what it added.
        merged = one.how == "merged"
        key = f"{draft.kind} {one.id}"
        run.emit(MemoryWritten, key=key, text=draft.text, merged=merged, superseded=one.superseded)
    return told


async def forgot(run: Run, what: str) -> tuple[int, ...]:
    """The ids of what is gone now."""
    archive, owner = run.deps.memory.archive, owner_of(run)

    async def perform(_: str) -> list[int]:
        return sorted(record.id for record in await forget(archive, owner, what))

    ids = tuple(await once(run, "forget", {"what": what}, perform))
    run.emit(MemoryForgotten, request=what, ids=ids)
    return ids


async def diary(run: Run, latest: int) -> Diary:
    archive, owner = run.deps.memory.archive, owner_of(run)

    async def perform(_: str) -> dict[str, Any]:
        shelf = await archive.shelf(owner)
        async with shelf.lock:
            live = shelf.of_kinds("observation", "reflection", "fact")
        last = max((record.id for record in live if record.kind == "reflection"), default=0)
        weight = sum(record.importance for record in live if record.kind == "observation" and record.id > last)
        return {"unreflected": weight, "latest": [record.text for record in live[-latest:]]}

    return Diary.model_validate_json(json.dumps(await once(run, "read", {"latest": latest}, perform)))
