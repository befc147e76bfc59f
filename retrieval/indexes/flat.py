"""Exact search by inner product, through faiss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.indexes.places import best, last_of_each, stacked
from retrieval.indexes.rows import Stored, checked, merge, read_rows, search_rows, stored, write_rows
from retrieval.indexes.segments import Segment, Segments

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrieval.base import Ids, Scores, Vectors


class FlatIndex:
    """An Index (retrieval.base) of unit vectors: scores are cosines. A saved one is loaded memory-mapped."""

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._segments: Segments[Stored] = Segments(self._merge)

    @classmethod
    def load(cls, path: Path) -> FlatIndex:
        """Read what `snapshot` wrote. The files may be deleted while the index lives."""
        rows = read_rows(path)
        index = cls(rows.faiss.d)
        index._segments = Segments(index._merge, [rows])
        return index

    def snapshot(self) -> Callable[[Path], None]:
        merged = self._segments.frozen()
        return lambda path: write_rows(merged(), path)

    def __len__(self) -> int:
        return len(self._segments)

    def add(self, ids: Ids, payload: Vectors) -> None:
        """Add vectors float32 (n, dimension), in place of any with the same id. Raises ValueError for another shape."""
        import numpy as np

        if payload.shape != (len(ids), self.dimension):
            raise ValueError(f"vectors of shape {payload.shape!r} do not fit {len(ids)} ids x {self.dimension}")
        ids = np.asarray(ids, np.int64)
        places = last_of_each(ids)
        self._segments.add(stored(ids[places], payload[places]))

    def remove(self, ids: Ids) -> None:
        self._segments.remove(ids)

    def search(self, queries: Vectors, k: int, allow: Ids | None = None) -> tuple[Scores, Ids]:
        """Return inner products and ids (n, k), best first, padded with (-inf, -1). Raises ValueError for k < 1."""
        import numpy as np

        queries = checked(queries, k, self.dimension)
        found = [search_rows(part.rows, part.chosen(allow), queries, k) for part in self._segments.parts]
        if not found:
            found = [(np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), np.int64))]
        scores = np.concatenate([scores for scores, _ in found], axis=1) if len(found) > 1 else found[0][0]
        ids = np.concatenate([ids for _, ids in found], axis=1) if len(found) > 1 else found[0][1]
        return stacked([best(*row, k) for row in zip(scores, ids, strict=True)], k)

    def parts(self) -> list[Segment[Stored]]:
        return self._segments.parts

    def _merge(self, parts: Sequence[tuple[Stored, NDArray[np.bool_]]]) -> Stored:
        return merge(parts, self.dimension)
