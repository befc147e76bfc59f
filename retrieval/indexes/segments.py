"""A growing set of rows as a few immutable segments, the way the exact indexes hold theirs.

A batch becomes a segment; two neighbours of like size are merged into one, so n rows added in any way cost O(n log n)
and lie in at most log2 n segments. A removed row is masked, and leaves memory when half of its segment is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from retrieval.indexes.places import found_at

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrieval.base import Ids


class Rows(Protocol):
    @property
    def ids(self) -> Ids:
        """int64 (n,), ascending, distinct."""
        ...


R = TypeVar("R", bound=Rows)


@dataclass(slots=True)
class Segment(Generic[R]):
    rows: R
    alive: NDArray[np.bool_]
    """(n,): false where a row was removed."""
    dead: int = 0

    def __len__(self) -> int:
        return len(self.alive) - self.dead

    def chosen(self, allow: Ids | None) -> NDArray[np.bool_]:
        """Return the mask (n,) of rows that are alive and among `allow` (all, if None)."""
        if allow is None:
            return self.alive
        import numpy as np

        mask = np.zeros(len(self.alive), np.bool_)
        mask[found_at(self.rows.ids, allow)] = True
        return mask & self.alive


Merge = Callable[[Sequence[tuple[R, "NDArray[np.bool_]"]]], R]
"""Of several rows with distinct ids, those that their masks say are alive, as one."""


class Segments(Generic[R]):
    def __init__(self, merge: Merge[R], parts: Sequence[R] = ()) -> None:
        self.parts: list[Segment[R]] = [_whole(rows) for rows in parts if len(rows.ids)]
        self.version = 0
        """Goes up with every change."""
        self._merge = merge

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def add(self, rows: R) -> None:
        """Take in rows that are new, or take the place of those with the same ids."""
        if len(rows.ids) == 0:
            return
        self.remove(rows.ids)
        self.parts.append(_whole(rows))
        while len(self.parts) > 1 and 2 * len(self.parts[-1]) >= len(self.parts[-2]):
            last, before = self.parts.pop(), self.parts.pop()
            self.parts.append(self._merged(before, last))
        self.version += 1

    def remove(self, ids: Ids) -> None:
        for part in self.parts:
            places = found_at(part.rows.ids, ids)
            part.alive[places] = False
            part.dead = len(part.alive) - int(part.alive.sum()) if len(places) else part.dead
        kept = [part for part in self.parts if len(part)]
        self.parts = [self._merged(part) if part.dead > len(part) else part for part in kept]
        self.version += 1

    def frozen(self) -> Callable[[], R]:
        """Return what makes one of all rows that are alive now; later changes do not reach it. Quick, unlike its call,
        which may run on another thread."""
        parts, merge = [(part.rows, part.alive.copy()) for part in self.parts], self._merge
        return lambda: merge(parts)

    def _merged(self, *parts: Segment[R]) -> Segment[R]:
        return _whole(self._merge([(part.rows, part.alive) for part in parts]))


def _whole(rows: R) -> Segment[R]:
    import numpy as np

    return Segment(rows, np.ones(len(rows.ids), np.bool_))
