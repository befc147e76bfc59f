"""A searchable set of records: the exact dense index and the BM25 index of retrieval, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrieval.base import Ids, Vectors
    from retrieval.indexes.bm25 import BM25Index
    from retrieval.indexes.flat import FlatIndex
    from retrieval.indexes.hybrid import Ranked


class Halves:
    """Not thread-safe: the caller holds the lock."""

    def __init__(self, dimension: int | None) -> None:
        """`dimension`: of the vectors; None: there is no embedder, and terms alone find."""
        from retrieval.indexes.bm25 import BM25Index
        from retrieval.indexes.flat import FlatIndex

        self.lexical: BM25Index = BM25Index()
        self.dense: FlatIndex | None = FlatIndex(dimension) if dimension is not None else None

    def __len__(self) -> int:
        return len(self.lexical)

    def add(self, ids: Sequence[int], texts: Sequence[str], vectors: Vectors | None) -> None:
        import numpy as np

        if not ids:
            return
        self.lexical.add(np.array(ids, np.int64), list(texts))
        if self.dense is not None and vectors is not None:
            self.dense.add(np.array(ids, np.int64), vectors)

    def remove(self, ids: Sequence[int]) -> None:
        import numpy as np

        if not ids:
            return
        self.lexical.remove(np.array(ids, np.int64))
        if self.dense is not None:
            self.dense.remove(np.array(ids, np.int64))

    def search(
        self, query: str, vector: Vectors | None, k: int, allow: Ids | None, scripts: frozenset[str], *, lexical: bool
    ) -> list[Ranked]:
        """Best first. `vector` (d,) of the query; without `lexical` it alone decides, if there is one."""
        from retrieval.indexes.hybrid import search

        if not len(self) or (allow is not None and not len(allow)):
            return []
        by_terms = self.lexical if lexical or self.dense is None else None
        return search(query, vector, self.dense, by_terms, k, allow, fusion=None, scripts=scripts)

    def vectors_of(self, ids: Ids) -> Vectors | None:
        """In the order of `ids`, all of which are here."""
        import numpy as np

        from retrieval.indexes.rows import vectors_of

        if self.dense is None:
            return None
        found = vectors_of(self.dense.parts(), ids, self.dense.dimension)
        placed: Vectors = found.vectors[np.searchsorted(found.ids, ids)]
        return placed

    def ids(self) -> Ids:
        """Of all records, ascending."""
        return self.lexical.held()

    def nearness(self, vector: Vectors) -> tuple[Ids, NDArray[np.float32]]:
        """The ids of all records, and the cosine of each."""
        import numpy as np

        from retrieval.indexes.rows import products

        assert self.dense is not None
        parts = self.dense.parts()
        ids = [part.rows.ids[part.alive] for part in parts]
        near = [products(part.rows, vector)[part.alive] for part in parts]
        return np.concatenate([np.empty(0, np.int64), *ids]), np.concatenate([np.empty(0, np.float32), *near])
