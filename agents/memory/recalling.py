"""Finding what is remembered that bears on a question; and forgetting what somebody wants forgotten."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from agents.memory.meant import meant
from agents.memory.record import Owner, Record, forgotten, used
from agents.memory.scoring import Weights, parts
from agents.memory.whose import names_of
from backends.base import Value
from retrieval.analysis import terms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from agents.memory.archive import Archive
    from agents.memory.shelf import Shelf
    from retrieval.base import Ids, Vectors
    from retrieval.indexes.hybrid import Ranked

Kind = Literal["short", "long", "hybrid", "stream"]
By = Literal["hybrid", "vectors"]
K = 10
LOOKED_AT = 200
"""Records that forgetting looks at, nearest first."""


class Recalled(Value):
    record: Record
    score: float
    """Higher is nearer; comparable within one recall."""
    recency: float | None = None
    """Of `stream`: the parts of the score, each 0 to 1."""
    importance: float | None = None
    relevance: float | None = None


async def recall(
    archive: Archive, owner: Owner, kind: Kind, query: str, k: int = K, at: datetime | None = None, *,
    by: By = "hybrid", weights: Weights | None = None, now: datetime | None = None, touch: bool = True,
) -> list[Recalled]:  # fmt: skip
    """The k records that bear most on the query, best first; from now on they were used now.

    `short`: the latest. `long`, `hybrid`: by terms and meaning (`by="vectors"`: by meaning alone); the other half of
    `hybrid` is the conversation itself. `stream`: by recency + importance + relevance. `at`: as things stood then, with
    facts that were superseded later; None: as they stand. `now`: the clock, from which recency counts.
    """
    now = now or datetime.now(UTC)
    shelf = await archive.shelf(owner)
    async with shelf.lock:
        found = await asyncio.to_thread(_found, archive, shelf, kind, query, k, at, by, weights or Weights(), now)
        changed = [used(one.record, now) for one in found if one.record.last_access < now]
        if touch and changed:
            await archive.keep(shelf, changed, {})
    return found


async def forget(archive: Archive, owner: Owner, what: str) -> list[Record]:
    """Forget the records that `what` means, with all that they had superseded; returns them as they were."""
    shelf = await archive.shelf(owner)
    async with shelf.lock:
        return await _gone(archive, shelf, await asyncio.to_thread(_meant, archive, shelf, what))


async def forget_ids(archive: Archive, owner: Owner, ids: Sequence[int]) -> list[Record]:
    """Forget records by number, with all that they had superseded; returns them as they were."""
    shelf = await archive.shelf(owner)
    async with shelf.lock:
        return await _gone(archive, shelf, [shelf.records[id] for id in ids if id in shelf.records])


async def _gone(archive: Archive, shelf: Shelf, chosen: Sequence[Record]) -> list[Record]:
    gone = await asyncio.to_thread(_with_what_hangs_on, shelf, chosen)
    if gone:
        gone |= {record.id: record for record in shelf.records.values() if record.kind == "summary"}
        await archive.keep(shelf, [forgotten(record) for record in gone.values()], {})
    return list(gone.values())


def _with_what_hangs_on(shelf: Shelf, chosen: Sequence[Record]) -> dict[int, Record]:
    """The records chosen, what stood there before them, and what was made of them."""
    hanging: defaultdict[int | None, list[Record]] = defaultdict(list)
    for record in shelf.records.values():
        if not record.forgotten:
            for id in (record.superseded_by, *record.sources):
                hanging[id].append(record)
    gone: dict[int, Record] = {}
    left = [record for record in chosen if not record.forgotten]
    while left:
        record = left.pop()
        if record.id not in gone:
            gone[record.id] = record
            left += hanging[record.id]
    return gone


def _meant(archive: Archive, shelf: Shelf, what: str) -> list[Record]:
    found = _ranked(archive, shelf, what, _vector(archive, what), LOOKED_AT, None, shelf.past.ids())
    near = {one.id: one.dense or 0.0 for one in found}
    if (known := shelf.same_subject(what)) is not None:
        near.setdefault(known.id, 0.0)
    names = names_of(shelf.owner, shelf.records.values())
    return meant(what, [(cosine, shelf.records[id]) for id, cosine in near.items()], names)


def _found(
    archive: Archive, shelf: Shelf, kind: Kind, query: str, k: int, at: datetime | None, by: By, weights: Weights,
    now: datetime,
) -> list[Recalled]:  # fmt: skip
    if kind == "short":
        return _latest(shelf, k, at)
    vector = _vector(archive, query)
    if kind == "stream":
        return _weighed(shelf, query, vector, k, at, weights, now)
    allow, held = _valid(shelf, at)
    ranked = _ranked(archive, shelf, query, vector, k, allow, held, by)
    return [Recalled(record=shelf.records[one.id], score=one.score) for one in ranked]


def _ranked(
    archive: Archive, shelf: Shelf, query: str, vector: Vectors | None, k: int, allow: Ids | None, held: Ids | None,
    by: By = "hybrid",
) -> list[Ranked]:  # fmt: skip
    lexical = by == "hybrid"
    found = shelf.live.search(query, vector, k, allow, archive.scripts, lexical=lexical)
    if held is not None and len(held):
        found += shelf.past.search(query, vector, k, held, archive.scripts, lexical=lexical)
    return sorted(found, key=lambda one: (-one.score, one.id))[:k]


def _valid(shelf: Shelf, at: datetime | None) -> tuple[Ids | None, Ids | None]:
    return (None, None) if at is None else shelf.valid(at)


def _latest(shelf: Shelf, k: int, at: datetime | None) -> list[Recalled]:
    import numpy as np

    ids = shelf.live.ids()
    if at is not None:
        ids = ids[shelf.columns.created(ids) <= at.timestamp()]
    order = np.lexsort((-ids, -shelf.columns.created(ids)))[:k]
    return [
        Recalled(record=shelf.records[id], score=1 / place) for place, id in enumerate(ids[order].tolist(), start=1)
    ]


def _weighed(
    shelf: Shelf, query: str, vector: Vectors | None, k: int, at: datetime | None, weights: Weights, now: datetime
) -> list[Recalled]:
    """Of all candidates; a later record goes before an equal one."""
    import numpy as np

    ids, near = _nearness(shelf, query, vector, _valid(shelf, at))
    hours = (now.timestamp() - shelf.columns.accessed(ids)) / 3600
    found = parts(hours, shelf.columns.importance(ids), near, weights)
    first = np.argpartition(-found.score, min(k, len(ids)) - 1)[: 4 * k] if len(ids) > 4 * k else np.arange(len(ids))
    if len(ids) > 4 * k:  # All that tie with the last one stay until the ids decide.
        first = np.flatnonzero(found.score >= found.score[first[:k]].min())
    order = first[np.lexsort((-ids[first], -found.score[first]))][:k]
    names = ("score", "recency", "importance", "relevance")
    return [
        Recalled(
            record=shelf.records[int(ids[place])],
            **{name: float(part[place]) for name, part in zip(names, found, strict=True)},
        )
        for place in order.tolist()
    ]


def _nearness(
    shelf: Shelf, query: str, vector: Vectors | None, valid: tuple[Ids | None, Ids | None]
) -> tuple[Ids, NDArray[np.float64]]:
    """The ids of the candidates, and how near each is: by meaning, else by the terms it shares with the query."""
    import numpy as np

    allow, held = valid
    if vector is None:
        live = shelf.live.ids() if allow is None else allow
        ids = np.concatenate([live, held]) if held is not None else live
        asked = set(terms(query))
        return ids, np.array([_overlap(asked, set(terms(shelf.records[id].text))) for id in ids.tolist()])
    ids, near = shelf.live.nearness(vector)
    if allow is not None:
        chosen = np.isin(ids, allow)
        ids, near = ids[chosen], near[chosen]
    if held is not None and len(held):
        past, far = shelf.past.nearness(vector)
        chosen = np.isin(past, held)
        ids, near = np.concatenate([ids, past[chosen]]), np.concatenate([near, far[chosen]])
    return ids, near.astype(np.float64)


def _overlap(asked: set[str], held: set[str]) -> float:
    """Cosine of the sets of terms."""
    return float(len(asked & held) / (len(asked) * len(held)) ** 0.5) if asked and held else 0.0


def _vector(archive: Archive, text: str) -> Vectors | None:
    from retrieval.collection import READ

    vectors = archive.embed([text[:READ]], "query")
    return vectors[0] if vectors is not None else None
