"""The kinds of faiss's indexes: which knob makes one look further, and whether it takes a selection of rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def parameters(index: Any, effort: int, chosen: Any | None) -> Any:
    import faiss

    if isinstance(index, faiss.IndexPreTransform):
        inner = faiss.downcast_index(index.index)
        return make("SearchParametersPreTransform", index_params=parameters(inner, effort, chosen))
    if isinstance(index, faiss.IndexIVF):
        return make("SearchParametersIVF", nprobe=effort, sel=chosen)
    if isinstance(index, faiss.IndexHNSW):
        return make("SearchParametersHNSW", efSearch=effort, sel=chosen)
    return make("SearchParameters", sel=chosen) if chosen is not None else None


def make(name: str, **fields: Any) -> Any:
    """An object of faiss, whose type stubs do not know what its classes take."""
    import faiss

    return getattr(faiss, name)(**fields)


def selects(index: Any) -> bool:
    """Found out by a try: a kind that cannot says so by an exception."""
    import faiss
    import numpy as np

    bits = np.full((index.ntotal + 7) // 8, 255, np.uint8)
    chosen = faiss.IDSelectorBitmap(index.ntotal, faiss.swig_ptr(bits))
    try:
        index.search(np.zeros((1, index.d), np.float32), 1, params=parameters(index, 1, chosen))
    except RuntimeError:
        return False
    return True


def _inner(index: Any) -> Any:
    import faiss

    return faiss.downcast_index(index.index) if isinstance(index, faiss.IndexPreTransform) else index


def graph(index: Any) -> Any | None:
    import faiss

    inner = _inner(index)
    return inner if isinstance(inner, faiss.IndexHNSW) else None


def lists(index: Any) -> Any | None:
    import faiss

    inner = _inner(index)
    return inner if isinstance(inner, faiss.IndexIVF) else None


def parts(index: Any) -> Iterator[Any]:
    """The index and those in it: behind a transformation, of the lists' centroids, below a graph."""
    import faiss

    yield index
    for name in ("index", "quantizer", "storage"):
        within = getattr(index, name, None)
        if isinstance(within, faiss.Index):
            yield from parts(faiss.downcast_index(within))
