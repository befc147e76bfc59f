"""Bringing files into a collection: what is there already stays, what has changed is replaced once the new one is in.

A file that fails leaves nothing behind, and the version before it is kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from server.cli.api import Api
from server.cli.failure import CommandFailed
from server.cli.paths import Local
from server.cli.stored import PATH, Stored, delete, held_by_others, same_bytes, stored_files, take_out, upload

AT_ONCE = 4
"""Requests under way at once: enough to fill a connection, too few to keep others out."""
GROUP = 100
"""Files per batch: the service reads the first hundred while the next are sent."""
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
"""Seconds between two looks at a batch."""
LONGEST_NAME = 512
"""Characters that an attribute of the service may have."""


@dataclass(frozen=True)
class Outcome:
    path: str
    name: str
    result: Literal["added", "unchanged", "replaced", "failed"]
    file_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Sent:
    """A file that is to be queued. `old`: the version whose place it takes; `ours`: it was uploaded by this call."""

    local: Local
    file_id: str
    attributes: Mapping[str, Any]
    old: Stored | None
    ours: bool


@dataclass
class Sync:
    api: Api
    store_id: str
    attributes: Mapping[str, Any]
    report: Callable[[float], None]
    """Told how many files are done, parts of a file included."""
    _known: dict[str, Stored] = field(default_factory=dict)
    _others: set[str] | None = None
    _loose: set[str] = field(default_factory=set)
    """Uploaded and not queued yet."""
    _gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _done: int = 0

    async def run(self, files: Sequence[Local]) -> list[Outcome]:
        """Raises CommandFailed when the service fails as a whole; what is wrong with one file is its outcome."""
        self._known = await stored_files(self.api, self.store_id)
        outcomes: list[Outcome] = []
        try:
            for first in range(0, len(files), GROUP):
                outcomes += await self._group(files[first : first + GROUP])
        finally:
            for file_id in self._loose:
                with suppress(CommandFailed):
                    await delete(self.api, file_id)
        return outcomes

    async def _group(self, files: Sequence[Local]) -> list[Outcome]:
        steps = await asyncio.gather(*(self._send(local) for local in files))
        sent = [step for step in steps if isinstance(step, Sent)]
        if sent:
            await self._settle(sent, await self._queue(sent), len(files) - len(sent))
        ends = await asyncio.gather(*(self._end(step) if isinstance(step, Sent) else _as_is(step) for step in steps))
        self._done += len(files)
        self.report(self._done)
        return ends

    async def _send(self, local: Local) -> Sent | Outcome:
        async with self._gate:
            try:
                return await self._compare(local)
            except CommandFailed as error:
                if error.status is None:
                    raise
                return failed(local, error.text())
            except (OSError, ValueError) as error:
                return failed(local, str(error))

    async def _compare(self, local: Local) -> Sent | Outcome:
        """Upload the file unless the collection has these very bytes. Raises CommandFailed, OSError, ValueError."""
        if len(local.name.encode()) > LONGEST_NAME:  # a name that is not UTF-8 raises here
            raise ValueError(f"its name has more than {LONGEST_NAME} bytes")
        old = self._known.get(local.name)
        wanted = {**self.attributes, **local.attributes}
        attributes = {**(old.attributes if old else {}), **wanted, PATH: local.name}
        if old is None or not await same_bytes(self.api, old.file_id, local.path):
            file_id = await upload(self.api, local.path, local.name)
            self._loose.add(file_id)
            return Sent(local, file_id, attributes, old, ours=True)
        if old.status != "completed":
            return Sent(local, old.file_id, attributes, None, ours=False)
        if wanted.items() - old.attributes.items():
            path = f"/v1/vector_stores/{self.store_id}/files/{old.file_id}"
            await self.api.call("POST", path, json={"attributes": attributes})
        return Outcome(local.shown, local.name, "unchanged", old.file_id)

    async def _queue(self, sent: Sequence[Sent]) -> str:
        files = [{"file_id": one.file_id, "attributes": dict(one.attributes)} for one in sent]
        batch = await self.api.call("POST", f"/v1/vector_stores/{self.store_id}/file_batches", json={"files": files})
        self._loose.clear()
        return str(batch["id"])

    async def _settle(self, sent: Sequence[Sent], batch_id: str, done: int) -> None:
        """Wait until no file of the batch is under way."""
        path, pause = f"/v1/vector_stores/{self.store_id}/file_batches/{batch_id}/files", FIRST_PAUSE
        while under_way := [item async for item in self.api.pages(path, filter="in_progress")]:
            finished = done + len(sent) - len(under_way) + sum(map(_part, under_way))
            self.report(self._done + finished)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE)

    async def _end(self, one: Sent) -> Outcome:
        async with self._gate:
            found = await self.api.call("GET", f"/v1/vector_stores/{self.store_id}/files/{one.file_id}")
            if found["status"] != "completed":
                error = found["last_error"] or {"message": f"its status is {found['status']}"}
                if one.ours:
                    await take_out(self.api, self.store_id, one.file_id)
                    await delete(self.api, one.file_id)
                return failed(one.local, error["message"])
            if one.old is None:
                return Outcome(one.local.shown, one.local.name, "added", one.file_id)
            await self._remove(one.old.file_id)
            return Outcome(one.local.shown, one.local.name, "replaced", one.file_id)

    async def _remove(self, file_id: str) -> None:
        if self._others is None:
            self._others = await held_by_others(self.api, self.store_id)
        await take_out(self.api, self.store_id, file_id)
        if file_id not in self._others:
            await delete(self.api, file_id)


def failed(local: Local, reason: str) -> Outcome:
    return Outcome(local.shown, local.name, "failed", None, reason)


async def _as_is(outcome: Outcome) -> Outcome:
    return outcome


def _part(item: dict[str, Any]) -> float:
    progress = item["progress"]
    return progress["done"] / progress["total"] if progress["total"] else 0.0
