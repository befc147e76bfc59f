"""Vectors with their ids, in faiss's memory: searched one by one, merged, written and read memory-mapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from retrieval.indexes.places import best, check_k, found_at, stacked
from retrieval.indexes.segments import Segment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrieval.base import Ids, Scores, Vectors

FEW: Final = 16
"""Below one row in so many, gathering the wanted rows is quicker than having faiss pass over the others."""
VECTORS: Final = "vectors.faiss"


@dataclass(frozen=True, slots=True)
class Stored:
    ids: Ids
    faiss: Any
    """An IndexFlatIP; its labels are places in `ids`."""
    owner: Any = None
    """What the IndexFlatIP lives in, if it is a part of another index."""

    @property
    def vectors(self) -> Vectors:
        """A view (n, dimension) into faiss's memory."""
        import faiss

        count, dimension = len(self.ids), self.faiss.d
        view: Vectors = faiss.rev_swig_ptr(self.faiss.get_xb(), count * dimension).reshape(count, dimension)
        return view


def stored(ids: Ids, vectors: Vectors) -> Stored:
    import faiss
    import numpy as np

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(np.ascontiguousarray(vectors, np.float32))
    return Stored(ids, index)


def merge(parts: Sequence[tuple[Stored, NDArray[np.bool_]]], dimension: int) -> Stored:
    """One of several with distinct ids: the rows that their masks say are alive, by ascending id."""
    import numpy as np

    ids = np.concatenate([np.empty(0, np.int64), *(part.ids[alive] for part, alive in parts)])
    vectors = [part.vectors[alive] for part, alive in parts]
    order = np.argsort(ids)
    return stored(ids[order], np.concatenate([np.empty((0, dimension), np.float32), *vectors])[order])


def write_rows(rows: Stored, path: Path) -> None:
    import faiss
    import numpy as np

    np.save(path / "ids.npy", rows.ids)
    faiss.write_index(rows.faiss, str(path / VECTORS))


def read_rows(path: Path) -> Stored:
    """What `write_rows` wrote, memory-mapped."""
    import faiss
    import numpy as np

    return Stored(np.load(path / "ids.npy"), faiss.read_index(str(path / VECTORS), faiss.IO_FLAG_MMAP_IFC))


def checked(queries: Vectors, k: int, dimension: int) -> Vectors:
    """The queries as faiss wants them. Raises ValueError for another shape, or k < 1."""
    import numpy as np

    check_k(k)
    queries = np.ascontiguousarray(queries, np.float32)
    if queries.ndim != 2 or queries.shape[1] != dimension:
        raise ValueError(f"queries of shape {queries.shape!r} are not (n, {dimension})")
    return queries


def search_rows(rows: Stored, mask: NDArray[np.bool_], queries: Vectors, k: int) -> tuple[Scores, Ids]:
    """Return scores and ids (n, k or fewer) of the rows that `mask` names, places without a result as (-inf, -1)."""
    import faiss
    import numpy as np

    # Searches run side by side in threads of their own: one that took all cores would make the others wait. The
    # setting is the calling thread's.
    faiss.omp_set_num_threads(1)
    count = int(mask.sum())
    k = min(k, count)
    if k == 0:
        return np.empty((len(queries), 0), np.float32), np.empty((len(queries), 0), np.int64)
    if count * FEW <= len(mask):
        return _gathered(rows, np.flatnonzero(mask), queries, k)
    if count == len(mask):
        scores, places = rows.faiss.search(queries, k)
        if not (places < 0).any():
            return scores, rows.ids[places]
    bits = np.packbits(mask, bitorder="little")
    chosen = faiss.IDSelectorBitmap(len(mask), faiss.swig_ptr(bits))
    parameters = faiss.SearchParameters(sel=chosen)  # type: ignore[call-arg]  # faiss's stub lacks it
    scores, places = rows.faiss.search(queries, k, params=parameters)
    missing = places < 0
    return np.where(missing, -np.inf, scores).astype(np.float32), np.where(missing, -1, rows.ids[places])


def products(rows: Stored, query: Vectors) -> Scores:
    """The inner product (n,) of every row with a query (dimension,), on the calling thread. With 100,000 rows it takes
    a quarter of the time of numpy's product, which takes all cores."""
    import faiss
    import numpy as np

    query, found = np.ascontiguousarray(query, np.float32), np.empty(len(rows.ids), np.float32)
    given = faiss.swig_ptr(found), faiss.swig_ptr(query), rows.faiss.get_xb()
    faiss.fvec_inner_products_ny(*given, rows.faiss.d, len(found))  # type: ignore[attr-defined]
    return found


def rescored(rows: Stored, places: NDArray[np.intp], query: Vectors, k: int) -> tuple[Scores, Ids]:
    """Return the exact scores and ids (k,) of the best of `places` (distinct), padded with (-inf, -1)."""
    return best(rows.vectors[places] @ query, rows.ids[places], k)


def vectors_of(parts: Sequence[Segment[Stored]], ids: Ids, dimension: int) -> Stored:
    """The rows of those `ids` that are alive in one of the segments."""
    import numpy as np

    chosen = []
    for part in parts:
        mask = np.zeros(len(part.alive), np.bool_)
        mask[found_at(part.rows.ids, ids)] = True
        chosen.append((part.rows, mask & part.alive))
    return merge(chosen, dimension)


def _gathered(rows: Stored, places: NDArray[np.intp], queries: Vectors, k: int) -> tuple[Scores, Ids]:
    import numpy as np

    scores = queries @ rows.vectors[places].T
    ids = rows.ids[places]
    found = [best(row, ids, k) for row in scores.astype(np.float32)]
    return stacked(found, k)
