"""Which files stand behind which chunks of a collection, in memory: what filters and hits are resolved against.

It is changed on the event loop. `allowed` and `file_of` may run on any thread meanwhile: a text's `files` are replaced
and never changed, so that they read each as it was at one moment.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from retrieval.base import AttributeValue
from retrieval.filters import Predicate

if TYPE_CHECKING:
    from retrieval.base import Ids


@dataclass(frozen=True, slots=True)
class FileEntry:
    file_id: str
    filename: str
    attributes: Mapping[str, AttributeValue]

    @property
    def filterable(self) -> Mapping[str, AttributeValue]:
        """What filters see: the attributes, and the name as `filename` unless there is such an attribute."""
        return {"filename": self.filename, **self.attributes}


@dataclass(slots=True)
class Content:
    """One text and its chunks `first .. first + count - 1`; `files` in the order in which they came."""

    id: int
    first: int
    count: int
    files: Mapping[str, FileEntry] = field(default_factory=dict)


class Contents:
    def __init__(self) -> None:
        self._by_id: dict[int, Content] = {}
        self._by_file: dict[str, int] = {}
        self._firsts: list[int] = []
        self._ordered: list[Content] = []
        self._changes = 0
        """Odd while `_firsts` and `_ordered` may not agree: what is not found then may be there."""

    def __len__(self) -> int:
        return len(self._by_file)

    def __contains__(self, content_id: int) -> bool:
        return content_id in self._by_id

    def add_content(self, content: Content) -> None:
        if content.id in self._by_id:
            return
        self._by_id[content.id] = content
        place = bisect_right(self._firsts, content.first)
        self._changes += 1
        self._firsts.insert(place, content.first)
        self._ordered.insert(place, content)
        self._changes += 1

    def put_file(self, content_id: int, entry: FileEntry) -> None:
        """Point a file to its content, or renew its name and attributes."""
        content = self._by_id[content_id]
        content.files = {**content.files, entry.file_id: entry}
        self._by_file[entry.file_id] = content_id

    def drop_file(self, file_id: str) -> Content | None:
        """Forget a file. Return its content if no file is left behind it, which is then forgotten too."""
        content_id = self._by_file.pop(file_id, None)
        if content_id is None:
            return None
        content = self._by_id[content_id]
        content.files = {id: entry for id, entry in content.files.items() if id != file_id}
        if content.files:
            return None
        del self._by_id[content_id]
        place = bisect_left(self._firsts, content.first)
        self._changes += 1
        del self._ordered[place], self._firsts[place]
        self._changes += 1
        return content

    def entry(self, file_id: str) -> FileEntry | None:
        content_id = self._by_file.get(file_id)
        return self._by_id[content_id].files.get(file_id) if content_id is not None else None

    def content_of(self, file_id: str) -> int | None:
        return self._by_file.get(file_id)

    def file_of(self, chunk_id: int, where: Predicate | None) -> FileEntry | None:
        """The file to show for a chunk: the first that passes the filter. Safe on any thread."""
        while True:
            changes = self._changes
            place = bisect_right(self._firsts, chunk_id) - 1
            content = next(iter(self._ordered[place : place + 1]), None) if place >= 0 else None
            if content is not None and content.first <= chunk_id < content.first + content.count:
                return next((f for f in content.files.values() if where is None or where(f.filterable)), None)
            if changes == self._changes and changes % 2 == 0:
                return None
            time.sleep(0)  # lets go of the interpreter, which the change waits for

    def allowed(self, where: Predicate) -> Ids:
        """The sorted ids of all chunks with a file that passes the filter. Safe on any thread; some 3 us a file."""
        import numpy as np

        ranges = [
            np.arange(content.first, content.first + content.count, dtype=np.int64)
            for content in tuple(self._ordered)
            if any(where(entry.filterable) for entry in content.files.values())
        ]
        return np.concatenate(ranges) if ranges else np.empty(0, np.int64)
