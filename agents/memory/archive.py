"""The records of all owners: one store, one embedder, and the owners that were asked for last ready in memory."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from agents.memory.shelf import Shelf, searchable
from agents.memory.store import Kept
from agents.memory.whole import whole

if TYPE_CHECKING:
    from agents.memory.record import Owner, Record
    from agents.memory.store import Store
    from retrieval.base import Embedder, Vectors

MOST_RECORDS = 400_000
"""Held ready of all owners together: 1.9 kB each with the bundled embedder."""
MOST_OWNERS = 1_000


class Archive:
    """An owner's records are loaded once, and kept up with every change: nobody else may write to the store."""

    def __init__(self, store: Store, embedder: Callable[[], Embedder] | None = None) -> None:
        """`embedder`: None finds by terms alone."""
        self.store = store
        self._embedder = embedder
        self._opening: WeakValueDictionary[Owner, asyncio.Lock] = WeakValueDictionary()
        self._ready: OrderedDict[Owner, Shelf] = OrderedDict()
        self._in_use: WeakValueDictionary[Owner, Shelf] = WeakValueDictionary()

    async def shelf(self, owner: Owner) -> Shelf:
        opening = self._opening.setdefault(owner, asyncio.Lock())
        async with opening:
            shelf = self._ready.get(owner) or self._in_use.get(owner) or await self._load(owner)
        self._ready[owner] = self._in_use[owner] = shelf
        self._ready.move_to_end(owner)
        while len(self._ready) > 1 and self._too_many():
            self._ready.popitem(last=False)
        return shelf

    async def keep(self, shelf: Shelf, changed: Sequence[Record], vectors: dict[int, Vectors], key: str = "") -> None:
        """Store a change, then show it: both, even if the caller is cancelled. Under the shelf's lock."""
        await whole(self._keep(shelf, changed, vectors, key))

    async def _keep(self, shelf: Shelf, changed: Sequence[Record], vectors: dict[int, Vectors], key: str) -> None:
        by = self._embedder().fingerprint if self._embedder is not None else ""
        await self.store.write(shelf.owner, [_kept(record, vectors, by, key) for record in changed])
        await asyncio.to_thread(shelf.change, changed, vectors, key)

    async def edit(self, owner: Owner, id: int, fields: Mapping[str, Any]) -> bool:
        """Change fields of a record as it is now; False if it is not there any more."""
        shelf = await self.shelf(owner)
        async with shelf.lock:
            known, vectors = shelf.records.get(id), dict[int, "Vectors"]()
            if known is None or known.forgotten:
                return False
            changed = known.model_copy(update=dict(fields))
            if known.text != changed.text:
                made = await asyncio.to_thread(self.embed, [changed.text])
                vectors = {id: made[0]} if made is not None else {}
            await self.keep(shelf, [changed], vectors)
            return True

    async def erase(self, owner: Owner) -> None:
        """Leave nothing of an owner."""
        shelf = await self.shelf(owner)
        async with shelf.lock:
            await whole(self._erase(shelf))

    async def _erase(self, shelf: Shelf) -> None:
        await self.store.erase(shelf.owner)
        shelf.clear()

    def embed(self, texts: Sequence[str], kind: str = "document") -> Vectors | None:
        """Blocking. (n, dimension); None without an embedder."""
        if self._embedder is None:
            return None
        return self._embedder().embed(list(texts), kind="query" if kind == "query" else "document")

    @property
    def scripts(self) -> frozenset[str]:
        return self._embedder().scripts if self._embedder is not None else frozenset()

    def _too_many(self) -> bool:
        return (
            len(self._ready) > MOST_OWNERS
            or sum(len(shelf.records) for shelf in self._ready.values()) > MOST_RECORDS
        )  # fmt: skip

    async def _load(self, owner: Owner) -> Shelf:
        kept = await self.store.load(owner)
        shelf, remade = await asyncio.to_thread(self._arranged, owner, kept)
        if remade:
            await self.store.write(owner, remade)
        return shelf

    def _arranged(self, owner: Owner, kept: Sequence[Kept]) -> tuple[Shelf, list[Kept]]:
        """The shelf, and the records whose vectors were made anew: of another embedder, or of none."""
        import numpy as np

        vectors: dict[int, Vectors] = {}
        remade: list[Kept] = []
        dimension = None
        if self._embedder is not None:
            by, dimension = self._embedder().fingerprint, self._embedder().dimension
            known = [one for one in kept if one.vector and one.embedded_by == by]
            vectors = {one.record.id: np.frombuffer(one.vector or b"", np.float32) for one in known}
            lacking = [one for one in kept if searchable(one.record) and one.record.id not in vectors]
            made = self.embed([one.record.text for one in lacking]) if lacking else None
            if made is not None:
                vectors |= {one.record.id: vector for one, vector in zip(lacking, made, strict=True)}
                remade = [one._replace(vector=vectors[one.record.id].tobytes(), embedded_by=by) for one in lacking]
        shelf = Shelf(owner, dimension)
        shelf.load(kept, vectors)
        return shelf, remade


def _kept(record: Record, vectors: dict[int, Vectors], by: str, key: str) -> Kept:
    if record.id in vectors:
        return Kept(record, vectors[record.id].tobytes(), by, key)
    return Kept(record, b"" if record.forgotten else None, "", key)
