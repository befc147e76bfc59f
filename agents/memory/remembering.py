"""Keeping what was said: the same again is merged, and of two facts about one subject the newer supersedes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from agents.memory.record import Draft, Owner, Record
from agents.memory.sameness import subject_key, wording
from backends.base import Value

if TYPE_CHECKING:
    from agents.memory.archive import Archive
    from agents.memory.shelf import Shelf
    from retrieval.base import Vectors

AT_ONCE = 256
"""Drafts in one change."""


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
    by_wording: dict[str, int] = field(default_factory=dict)

    def record(self, id: int) -> Record | None:
        return self.changed.get(id) or self.shelf.records.get(id)


def _planned(archive: Archive, shelf: Shelf, drafts: Sequence[Draft]) -> _Batch:
    batch = _Batch(shelf, shelf.next_id())
    # Summaries are looked up by what they stand for, never searched.
    searched = any(draft.kind != "summary" for draft in drafts)
    vectors = archive.embed([draft.text for draft in drafts]) if searched else None
    for place, draft in enumerate(drafts):
        vector = vectors[place] if vectors is not None else None
        same = _same(batch, draft) if draft.kind == "fact" else None
        gives_way = [record for record in _before(batch, draft) if same is None or record.id != same.id]
        if same is not None and not gives_way:
            _merge(batch, same, draft)
        else:
            # Said again after something else held: a fact of its own, with a time of its own.
            _add(batch, draft, vector, gives_way if same is None else [*gives_way, same])
    return batch


def _same(batch: _Batch, draft: Draft) -> Record | None:
    """A live fact that says what the draft says."""
    known = batch.by_wording.get(wording(draft.text))
    if known is None and (found := batch.shelf.same_text(draft.text)) is not None:
        known = found.id
    record = batch.record(known) if known is not None else None
    return record if record is not None and record.live and record.kind == "fact" else None


def _before(batch: _Batch, draft: Draft) -> list[Record]:
    """The live facts that cannot hold beside the draft: the one about its subject, and those that it replaces."""
    subject = _subject(draft)
    known = batch.by_subject.get(subject) if subject else None
    if known is None and subject and (found := batch.shelf.same_subject(draft.subject)) is not None:
        known = found.id
    ids = dict.fromkeys((*([known] if known is not None else []), *draft.replaces))
    found_ = (batch.record(id) for id in ids)
    return [record for record in found_ if record is not None and record.live]


def _subject(draft: Draft) -> str:
    return subject_key(draft.subject) if draft.subject.strip() and draft.kind == "fact" else ""


def _merge(batch: _Batch, same: Record, draft: Draft) -> None:
    update = {
        "last_access": max(same.last_access, draft.created_at),
        "importance": max(same.importance, draft.importance),
        "subject": same.subject or draft.subject,
    }
    merged = same.model_copy(update=update)
    batch.changed[same.id] = merged
    if merged.subject.strip():
        batch.by_subject[subject_key(merged.subject)] = same.id
    batch.told.append(Written(id=same.id, how="merged"))


def _add(batch: _Batch, draft: Draft, vector: Vectors | None, before: Sequence[Record]) -> None:
    id, batch.next_id = batch.next_id, batch.next_id + 1
    made = Record(id=id, last_access=draft.created_at, **draft.model_dump(exclude={"replaces"}))
    superseded: list[int] = []
    for old in before:
        if old.created_at > made.created_at:
            made = made.model_copy(update={"superseded_by": old.id})
        else:
            batch.changed[old.id] = old.model_copy(update={"superseded_by": id})
            superseded.append(old.id)
    if made.live and made.kind == "fact":
        batch.by_wording[wording(made.text)] = id
        if subject := _subject(draft):
            batch.by_subject[subject] = id
    batch.changed[id] = made
    if vector is not None:
        batch.vectors[id] = vector
    batch.told.append(Written(id=id, how="added", superseded=tuple(superseded)))
