"""Keeping what was said: near-duplicates are merged, and of two facts about one subject the newer supersedes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from agents.memory.record import Draft, Owner, Record
from agents.memory.sameness import says_the_same, subject_key
from backends.base import Value

if TYPE_CHECKING:
    from agents.memory.archive import Archive
    from agents.memory.shelf import Shelf
    from retrieval.base import Vectors

AT_ONCE = 256
"""Drafts in one change."""
NEIGHBOURS = 5
"""Records that a draft is compared with, nearest first."""


class Written(Value):
    """What became of a draft."""

    id: int
    """Of the record that holds it."""
    how: Literal["added", "merged"]
    superseded: tuple[int, ...] = ()
    """Ids of the records that it took the place of."""


async def remember(archive: Archive, owner: Owner, drafts: Sequence[Draft], key: str = "") -> list[Written]:
    """Keep them; one answer for each draft, in their order.

    Only facts are merged and superseded: that something was seen twice is two observations. A fact that is older than
    the one about its subject goes into the past at once. A second time with the same `key` nothing is done, and the
    answer tells the records of the first.
    """
    shelf = await archive.shelf(owner)
    async with shelf.lock:
        if key and (before := shelf.made_by(key)):
            return [Written(id=id, how="added") for id in before]
        told: list[Written] = []
        for first in range(0, len(drafts), AT_ONCE):
            some = drafts[first : first + AT_ONCE]
            batch = await asyncio.to_thread(_planned, archive, shelf, some)
            vectors = {id: vector for id, vector in batch.vectors.items() if id in batch.changed}
            await archive.keep(shelf, list(batch.changed.values()), vectors, key)
            told += batch.told
        return told


@dataclass
class _Batch:
    shelf: Shelf
    next_id: int
    changed: dict[int, Record] = field(default_factory=dict)
    vectors: dict[int, Vectors] = field(default_factory=dict)
    told: list[Written] = field(default_factory=list)
    by_subject: dict[str, int] = field(default_factory=dict)

    def record(self, id: int) -> Record | None:
        return self.changed.get(id) or self.shelf.records.get(id)


def _planned(archive: Archive, shelf: Shelf, drafts: Sequence[Draft]) -> _Batch:
    batch = _Batch(shelf, shelf.next_id())
    # Summaries are looked up by what they stand for, never searched.
    searched = any(draft.kind != "summary" for draft in drafts)
    vectors = archive.embed([draft.text for draft in drafts]) if searched else None
    near = _neighbours(shelf, vectors, len(drafts))
    for place, draft in enumerate(drafts):
        vector = vectors[place] if vectors is not None else None
        same = _same(batch, draft, vector, near[place]) if draft.kind == "fact" else None
        if same is None:
            _add(batch, draft, vector)
        else:
            _merge(batch, same, draft)
    return batch


def _neighbours(shelf: Shelf, vectors: Vectors | None, count: int) -> list[list[tuple[int, float]]]:
    if vectors is None or shelf.live.dense is None or not len(shelf.live):
        return [[] for _ in range(count)]
    scores, ids = shelf.live.dense.search(vectors, min(NEIGHBOURS, len(shelf.live)))
    return [list(zip(row.tolist(), near.tolist(), strict=True)) for row, near in zip(ids, scores, strict=True)]


def _same(batch: _Batch, draft: Draft, vector: Vectors | None, near: list[tuple[int, float]]) -> Record | None:
    """A live fact that says what the draft says."""
    if (known := batch.shelf.same_text(draft.text)) is not None and (now := batch.record(known.id)) and now.live:
        return now
    mine = [(id, float(other @ vector) if vector is not None else None) for id, other in batch.vectors.items()]
    fresh = mine or [(id, None) for id in batch.changed]
    for id, cosine in (*near, *fresh):
        record = batch.record(id)
        if record is None or not record.live or record.kind != "fact":
            continue
        if says_the_same(draft.text, record.text, cosine):
            return record
    return None


def _merge(batch: _Batch, same: Record, draft: Draft) -> None:
    update = {
        "last_access": max(same.last_access, draft.created_at),
        "importance": max(same.importance, draft.importance),
        "subject": same.subject or draft.subject,
    }
    batch.changed[same.id] = same.model_copy(update=update)
    batch.told.append(Written(id=same.id, how="merged"))


def _add(batch: _Batch, draft: Draft, vector: Vectors | None) -> None:
    id, batch.next_id = batch.next_id, batch.next_id + 1
    made = Record(id=id, last_access=draft.created_at, **draft.model_dump(exclude={"replaces"}))
    subject = subject_key(draft.subject) if draft.subject.strip() and draft.kind == "fact" else ""
    known = batch.by_subject.get(subject) if subject else None
    if known is None and subject and (found := batch.shelf.same_subject(draft.subject)) is not None:
        known = found.id
    superseded: list[int] = []
    for old_id in dict.fromkeys((*([known] if known is not None else []), *draft.replaces)):
        old = batch.record(old_id)
        if old is None or not old.live:
            continue
        if old.created_at > made.created_at:
            made = made.model_copy(update={"superseded_by": old.id})
        else:
            batch.changed[old.id] = old.model_copy(update={"superseded_by": id})
            superseded.append(old.id)
    if subject and made.live:
        batch.by_subject[subject] = id
    batch.changed[id] = made
    if vector is not None:
        batch.vectors[id] = vector
    batch.told.append(Written(id=id, how="added", superseded=tuple(superseded)))
