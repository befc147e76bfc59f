"""The records of one owner in memory: by number, by subject, by when they hold, and ready to be searched."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import inf
from typing import TYPE_CHECKING

from agents.memory.columns import Columns
from agents.memory.halves import Halves
from agents.memory.record import Owner, Record
from agents.memory.sameness import subject_key, wording

if TYPE_CHECKING:
    import numpy as np

    from agents.memory.store import Kept
    from retrieval.base import Ids, Vectors


class Shelf:
    """`live` records are found; those that were superseded are the `past`, and are found for a time when they held.

    Changes only under `lock`; what searches it holds the lock too.
    """

    def __init__(self, owner: Owner, dimension: int | None) -> None:
        self.owner = owner
        self.lock = asyncio.Lock()
        self._dimension = dimension
        self.clear()

    def clear(self) -> None:
        self.records: dict[int, Record] = {}
        self.live, self.past = Halves(self._dimension), Halves(self._dimension)
        self.columns = Columns()
        self._made_by: dict[str, list[int]] = {}
        self._by_text: dict[str, int] = {}
        self._by_subject: dict[str, int] = {}

    def load(self, kept: Sequence[Kept], vectors: Mapping[int, Vectors]) -> None:
        """All that the store has. `vectors`: by id, of each record that is not forgotten."""
        for one in kept:
            self.records[one.record.id] = one.record
            self._note_key(one.record.id, one.made_by)
        for half, wanted in ((self.live, True), (self.past, False)):
            found = [one.record for one in kept if searchable(one.record) and one.record.live is wanted]
            half.add([r.id for r in found], [r.text for r in found], stack([vectors.get(r.id) for r in found]))
        self._note([*self.records.values()])

    def change(self, changed: Sequence[Record], vectors: Mapping[int, Vectors], key: str) -> None:
        """Take in new records and new states of old ones. `vectors`: of those whose text is new."""
        before = {record.id: self.records.get(record.id) for record in changed}
        known = dict(vectors) | self._vectors(
            [r.id for r in changed if r.id not in vectors and _moves(before[r.id], r) and searchable(r)]
        )
        for half, wanted in ((self.live, True), (self.past, False)):
            gone = [r.id for r in changed if _in(before[r.id], wanted) and not _same_place(before[r.id], r)]
            come = [r for r in changed if _in(r, wanted) and not _same_place(before[r.id], r)]
            half.remove(gone)
            half.add([r.id for r in come], [r.text for r in come], stack([known.get(r.id) for r in come]))
        for record in changed:
            self._leave(before[record.id])
            self.records[record.id] = record
            if before[record.id] is None:
                self._note_key(record.id, key)
        self._note(changed)

    def next_id(self) -> int:
        return max(self.records, default=0) + 1

    def made_by(self, key: str) -> list[int]:
        """The ids of the records that the call with this key made."""
        return self._made_by.get(key, [])

    def same_text(self, text: str) -> Record | None:
        """A live fact of the same wording."""
        return self._found(self._by_text.get(wording(text)))

    def same_subject(self, subject: str) -> Record | None:
        return self._found(self._by_subject.get(subject_key(subject))) if subject.strip() else None

    def of_kinds(self, *kinds: str) -> list[Record]:
        """The live ones, by id."""
        return [record for record in self.records.values() if record.live and record.kind in kinds]

    def valid(self, at: datetime) -> tuple[Ids | None, Ids]:
        """The ids of the live records that held at a time (None: all do), and of those of the past that did."""
        live, past, when = self.live.ids(), self.past.ids(), at.timestamp()
        early = live[self.columns.created(live) <= when]
        held = past[(self.columns.created(past) <= when) & (self.columns.until(past) > when)]
        return (None if len(early) == len(live) else early), held

    def _found(self, id: int | None) -> Record | None:
        return self.records.get(id) if id is not None else None

    def _note_key(self, id: int, key: str) -> None:
        if key:
            self._made_by.setdefault(key, []).append(id)

    def _note(self, records: Sequence[Record]) -> None:
        self.columns.set(records, [self._until(record) for record in records])
        for record in records:
            if record.live and record.kind == "fact":
                self._by_text[wording(record.text)] = record.id
                if record.subject:
                    self._by_subject[subject_key(record.subject)] = record.id

    def _until(self, record: Record) -> float:
        """A fact holds until that which took its place was made."""
        if record.superseded_by is None:
            return inf
        successor = self.records.get(record.superseded_by)
        return (successor or record).created_at.timestamp()

    def _leave(self, record: Record | None) -> None:
        if record is not None and record.live and record.kind == "fact":
            for names, name in ((self._by_text, wording(record.text)), (self._by_subject, subject_key(record.subject))):
                if names.get(name) == record.id:
                    del names[name]

    def _vectors(self, ids: Iterable[int]) -> dict[int, Vectors]:
        import numpy as np

        found: dict[int, Vectors] = {}
        for half, wanted in ((self.live, True), (self.past, False)):
            here = np.array(sorted(id for id in ids if self.records[id].live is wanted), np.int64)
            if len(here) and (vectors := half.vectors_of(here)) is not None:
                found |= zip(here.tolist(), vectors, strict=True)
        return found


def searchable(record: Record) -> bool:
    return not record.forgotten and record.kind != "summary"


def _in(record: Record | None, live: bool) -> bool:
    return record is not None and searchable(record) and record.live is live


def _same_place(before: Record | None, after: Record) -> bool:
    return (
        before is not None
        and searchable(before) == searchable(after)
        and before.live == after.live
        and before.text == after.text
    )


def _moves(before: Record | None, after: Record) -> bool:
    return before is not None and searchable(before) and before.text == after.text and before.live != after.live


def stack(vectors: Sequence[np.ndarray | None]) -> Vectors | None:
    """One array of vectors; None if one is missing, since then there is no embedder."""
    import numpy as np

    if any(vector is None for vector in vectors):
        return None
    found: Vectors = np.array(vectors, np.float32)
    return found
