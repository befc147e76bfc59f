"""faiss's approximate indexes behind one face: built in slices, loaded memory-mapped, asked for places of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from retrieval.indexes import faiss_kinds
from retrieval.indexes.factory import empty
from retrieval.indexes.training import trained

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from retrieval.base import Vectors
    from retrieval.indexes.rows import Stored
    from retrieval.pace import Pace

SLICE: Final = 256
"""Vectors added at a time: some 50 ms of a graph's building."""
CONSTRUCTION: Final = 80
"""Candidates looked at when a vector joins a graph. Recall at 10 of 20,000 sentences with 64 at search: .995 with 40,
.999 with 100, which takes nearly twice as long to build."""
GRAPH_EFFORT: Final = 64
LISTS_AT_LEAST: Final = 64
LISTS_SHARE: Final = 8
"""An eighth of the lists, at least 64, are searched: recall at 10 of .99 on 5,000 and on 20,000 sentences."""


@dataclass(frozen=True, slots=True)
class Finder:
    faiss: Any
    effort: int
    """What is usual for its kind: `plan.Knobs.effort`."""
    most: int
    """Effort beyond which nothing more is found."""
    selects: bool
    """Whether it takes a selection of rows; if not, more is asked for and what is not wanted is dropped."""

    def propose(self, queries: Vectors, k: int, bits: NDArray[np.uint8], share: float, effort: int) -> Any:
        """Return places (n, k or more) of rows, -1 where there is none, likely but not surely the nearest of `bits`.

        `share` of all rows are in `bits`: the fewer, the more of the others have to be passed by.
        """
        import faiss

        faiss.omp_set_num_threads(1)
        if not self.selects:
            fetched = min(int(k / share * 1.2) + 8, self.faiss.ntotal)
            return self.faiss.search(queries, fetched, params=faiss_kinds.parameters(self.faiss, effort, None))[1]
        chosen = faiss.IDSelectorBitmap(self.faiss.ntotal, faiss.swig_ptr(bits)) if share < 1 else None
        wider = min(int(effort / share), self.most)
        return self.faiss.search(queries, k, params=faiss_kinds.parameters(self.faiss, wider, chosen))[1]


def started(factory: str, dimension: int) -> Any:
    """An empty index as it is to be trained and filled. Raises BadIndexSpec."""
    index = empty(factory, dimension)
    if (graph := faiss_kinds.graph(index)) is not None:
        graph.hnsw.efConstruction = CONSTRUCTION
    for part in faiss_kinds.parts(index):
        if hasattr(part, "do_polysemous_training"):
            # It orders the centroids for a search by Hamming distance, which is not made here: 25 s of processor time
            # for PQ16 on 1,200 vectors, in place of 0.2.
            part.do_polysemous_training = False
        for clustering in (getattr(one, "cp", None) for one in (part, getattr(part, "pq", None))):
            if clustering is not None:
                clustering.min_points_per_centroid = 1  # the plan has told of it; faiss would print it
    return index


def filled(index: Any, rows: Stored, factory: str, folder: Path, pace: Pace) -> Any:
    """Train what `started` made of `factory` and add the rows, on one thread; returns it, or what took its place.

    `folder` has the rows, unless `own_vectors`. Raises what `training.trained` does.
    """
    import faiss

    faiss.omp_set_num_threads(1)
    vectors = rows.vectors
    pace.slice(0, len(vectors))
    index = trained(index, rows, factory, folder, pace)
    for start in range(0, len(vectors), SLICE):
        index.add(vectors[start : start + SLICE])
        pace.slice(min(start + SLICE, len(vectors)), len(vectors))
    return index


def opened(index: Any) -> Finder:
    """A finder of an index that has its vectors."""
    lists = faiss_kinds.lists(index)
    if lists is not None:
        usual = min(max(LISTS_AT_LEAST, lists.nlist // LISTS_SHARE), lists.nlist)
        return Finder(index, usual, lists.nlist, faiss_kinds.selects(index))
    return Finder(index, GRAPH_EFFORT, max(index.ntotal, 1), faiss_kinds.selects(index))


def write(index: Any, path: Path) -> None:
    import faiss

    faiss.write_index(index, str(path))


def read(path: Path) -> Any:
    import faiss

    return faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)


def own_vectors(index: Any) -> Any | None:
    """The IndexFlatIP inside a graph over whole vectors, which then need not be kept a second time; else None."""
    import faiss

    if not isinstance(index, faiss.IndexHNSWFlat):
        return None
    storage = faiss.downcast_index(index.storage)
    return storage if isinstance(storage, faiss.IndexFlat) else None
