"""Memory streams of personas, as items of the store: listed, searched, edited and erased through /store/items."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from agents.generative_stream import Draft, Memory, Record, kept_as, used_at
from server.storage import store_items

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

    from retrieval.database import Database
    from retrieval.vectors import Vector
    from server.open_collections import OpenCollections
    from server.services import Services

log = logging.getLogger(__name__)
ROOT = "persona_memories"
"""The first label of their namespace; then the stream's name, or the thread's id, and the persona's name."""


@dataclass(frozen=True)
class StoredStream:
    database: Database
    tenant: str
    thread_id: str

    async def all(self, owner: tuple[str, ...]) -> list[Record]:
        place = self._place(owner)
        return [record for record, _ in await self.database.read(lambda db: _rows(db, self.tenant, place))]

    async def add(self, owner: tuple[str, ...], drafts: Sequence[Draft], key: str) -> list[int]:
        place, tenant = self._place(owner), self.tenant

        def insert(db: Connection) -> list[int]:
            rows = _rows(db, tenant, place)
            before = [record.id for record, made_by in rows if made_by == key]
            if before:
                return before
            last = max((int(row.key) for row in _items(db, tenant, place)), default=0)
            made = [kept_as(draft, last + number) for number, draft in enumerate(drafts, start=1)]
            for record in made:
                _put(db, tenant, place, record, key)
            return [record.id for record in made]

        return await self.database.write(insert)

    async def touch(self, owner: tuple[str, ...], ids: Sequence[int], at: datetime) -> None:
        place, tenant = self._place(owner), self.tenant

        def change(db: Connection) -> None:
            for record, made_by in _rows(db, tenant, place):
                if record.id in ids:
                    _put(db, tenant, place, used_at(record, at), made_by)

        await self.database.write(change)

    def _place(self, owner: tuple[str, ...]) -> tuple[str, ...]:
        stream, *rest = owner
        return (ROOT, *(label.replace(".", "·") for label in (stream or self.thread_id, *rest)))


def _rows(db: Connection, tenant: str, place: tuple[str, ...]) -> list[tuple[Record, str]]:
    """By id, each with the key of the call that made it. What somebody put there that is no record is left out."""
    found: list[tuple[Record, str]] = []
    for row in _items(db, tenant, place):
        value = dict(row.value)
        made_by = str(value.pop("made_by", ""))
        try:
            found.append((Record.model_validate({**value, "id": int(row.key)}), made_by))
        except ValidationError as error:
            log.warning("the item %s/%s is no memory: %s", row.namespace, row.key, error.errors()[0]["msg"])
    return sorted(found, key=lambda one: one[0].id)


def _items(db: Connection, tenant: str, place: tuple[str, ...]) -> list[Row[Any]]:
    under = store_items.items_under(db, tenant, place)
    return [row for row in under if row.namespace == ".".join(place) and _is_number(row.key)]


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) < 16


def key_of(id: int) -> str:
    return f"{id:08}"


def _put(db: Connection, tenant: str, place: tuple[str, ...], record: Record, key: str) -> None:
    value = {**record.model_dump(mode="json", exclude={"id"}), "made_by": key}
    store_items.put_item(db, tenant, place, key_of(record.id), value, ["text"])


def memory_of(services: Services, tenant: str, thread_id: str) -> Memory:
    stream = StoredStream(services.database, tenant, thread_id)
    return Memory(stream, services.nearness, services.archive, tenant, thread_id)


class KnownVectors:
    """Cosine by the service's own embedder. The vectors of the last texts stay in memory, and nowhere else, so that
    what is erased leaves none behind."""

    def __init__(self, collections: OpenCollections, spec: str) -> None:
        self._collections = collections
        self._spec = spec
        self._known: OrderedDict[str, Vector] = OrderedDict()
        self._lock = Lock()

    async def __call__(self, query: str, texts: Sequence[str]) -> list[float]:
        return await asyncio.to_thread(self._compare, query, texts) if texts else []

    def _compare(self, query: str, texts: Sequence[str]) -> list[float]:
        embedder, _ = self._collections.embedder(self._spec)
        with self._lock:
            found = {text: self._known[text] for text in texts if text in self._known}
        lacking = [text for text in dict.fromkeys(texts) if text not in found]
        if lacking:
            found |= zip(lacking, embedder.embed(lacking, kind="document"), strict=True)
        with self._lock:
            for text, vector in found.items():
                self._known[text] = vector
                self._known.move_to_end(text)
            while len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)
        asked = embedder.embed([query], kind="query")[0]
        return [float(found[text] @ asked) for text in texts]


MOST_KNOWN = 20_000
"""Vectors: 30 MB of the bundled model's."""
