"""Exact search by inner product, through faiss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.indexes.places import best, check_k, last_of_each, stacked
from retrieval.indexes.segments import Segment, Segments

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrieval.base import Ids, Scores, Vectors


@dataclass(frozen=True, slots=True)
class _Stored:
    ids: Ids
    faiss: Any
    """An IndexFlatIP; its labels are places in `ids`."""


class FlatIndex:
    """An Index (retrieval.base) of unit vectors: scores are cosines. A saved one is loaded memory-mapped."""

    def __init__(self, dimension: int) -> None:
        self.dimension = dimension
        self._segments: Segments[_Stored] = Segments(self._merge)

    @classmethod
    def load(cls, path: Path) -> FlatIndex:
        """Read what `save` wrote. The files may be deleted while the index lives."""
        import faiss
        import numpy as np

        mapped = faiss.read_index(str(path / "vectors.faiss"), faiss.IO_FLAG_MMAP_IFC)
        index = cls(mapped.d)
        index._segments = Segments(index._merge, [_Stored(np.load(path / "ids.npy"), mapped)])
        return index

    def save(self, path: Path) -> None:
        import faiss
        import numpy as np

        stored = self._segments.merged()
        np.save(path / "ids.npy", stored.ids)
        faiss.write_index(stored.faiss, str(path / "vectors.faiss"))

    def __len__(self) -> int:
        return len(self._segments)

    def add(self, ids: Ids, payload: Vectors) -> None:
        """Add vectors float32 (n, dimension), in place of any with the same id. Raises ValueError for another shape."""
        import numpy as np

        if payload.shape != (len(ids), self.dimension):
            raise ValueError(f"vectors of shape {payload.shape!r} do not fit {len(ids)} ids x {self.dimension}")
        ids = np.asarray(ids, np.int64)
        places = last_of_each(ids)
        self._segments.add(self._stored(ids[places], payload[places]))

    def remove(self, ids: Ids) -> None:
        self._segments.remove(ids)

    def search(self, queries: Vectors, k: int, allow: Ids | None = None) -> tuple[Scores, Ids]:
        """Return inner products and ids (n, k), best first, padded with (-inf, -1). Raises ValueError for k < 1."""
        import numpy as np

        check_k(k)
        queries = np.ascontiguousarray(queries, np.float32)
        if queries.ndim != 2 or queries.shape[1] != self.dimension:
            raise ValueError(f"queries of shape {queries.shape!r} are not (n, {self.dimension})")
        found = [_search(part, queries, k, allow) for part in self._segments.parts]
        scores = np.concatenate([np.empty((len(queries), 0), np.float32), *(scores for scores, _ in found)], axis=1)
        ids = np.concatenate([np.empty((len(queries), 0), np.int64), *(ids for _, ids in found)], axis=1)
        return stacked([best(*row, k) for row in zip(scores, ids, strict=True)], k)

    def _merge(self, parts: Sequence[tuple[_Stored, NDArray[np.bool_]]]) -> _Stored:
        import numpy as np

        ids = np.concatenate([np.empty(0, np.int64), *(stored.ids[alive] for stored, alive in parts)])
        vectors = [_vectors(stored)[alive] for stored, alive in parts]
        order = np.argsort(ids)
        return self._stored(ids[order], np.concatenate([np.empty((0, self.dimension), np.float32), *vectors])[order])

    def _stored(self, ids: Ids, vectors: Vectors) -> _Stored:
        import faiss
        import numpy as np

        index = faiss.IndexFlatIP(self.dimension)
        index.add(np.ascontiguousarray(vectors, np.float32))
        return _Stored(ids, index)


def _vectors(stored: _Stored) -> Vectors:
    """A view (n, dimension) into faiss's memory."""
    import faiss

    count, dimension = len(stored.ids), stored.faiss.d
    view: Vectors = faiss.rev_swig_ptr(stored.faiss.get_xb(), count * dimension).reshape(count, dimension)
    return view


def _search(part: Segment[_Stored], queries: Vectors, k: int, allow: Ids | None) -> tuple[Scores, Ids]:
    """Return scores and ids (n, k or fewer) of one segment, places without a result as (-inf, -1)."""
    import faiss
    import numpy as np

    # Searches run side by side in threads of their own: one that took all cores would make the others wait. The
    # setting is the calling thread's.
    faiss.omp_set_num_threads(1)
    mask = part.chosen(allow)
    k = min(k, int(mask.sum()))
    if k == 0:
        return np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), np.int64)
    if mask.all():
        scores, places = part.rows.faiss.search(queries, k)
    else:
        bits = np.packbits(mask, bitorder="little")
        chosen = faiss.IDSelectorBitmap(len(mask), faiss.swig_ptr(bits))
        scores, places = part.rows.faiss.search(
            queries,
            k,
            params=faiss.SearchParameters(sel=chosen),  # type: ignore[call-arg]  # faiss's stub lacks it
        )
    missing = places < 0
    return np.where(missing, -np.inf, scores).astype(np.float32), np.where(missing, -1, part.rows.ids[places])
