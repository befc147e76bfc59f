"""Index specs: one string names how a generation is searched.

    spec    = dense | "bm25" | "auto" | "hybrid" | "hybrid(" dense ",bm25" [",rrf"] ")"
    dense   = "flat" | "hnsw" [":" M] | "ivf" | "ivfpq" | "auto" | "faiss:" FACTORY

FACTORY is any string of faiss.index_factory that finds by inner product; whether it is one is known when an index is
made of it (`retrieval.indexes.factory`), for faiss is not loaded here.
"""

from __future__ import annotations

import re
from typing import Final, Literal

from retrieval.base import Value
from retrieval.errors import BadIndexSpec

Fusion = Literal["calibrated", "rrf"]

KNOWN: Final = (
    "auto", "flat", "hnsw", "hnsw:M", "ivf", "ivfpq", "faiss:FACTORY", "bm25", "hybrid", "hybrid(DENSE,bm25)",
    "hybrid(DENSE,bm25,rrf)",
)  # fmt: skip
LINKS: Final = range(4, 129)
"""What M of `hnsw:M` may be: neighbours of a vector in the graph."""
_FACTORY: Final = re.compile(r"faiss:[A-Za-z0-9_,.()]{1,200}")
_CALL: Final = re.compile(r"hybrid\((.+),bm25(,rrf)?\)")


class IndexSpec(Value):
    dense: str | None
    """The dense half, in canonical form: `flat`, `hnsw:32`, `auto`, ...; None: there is none."""
    lexical: bool
    fusion: Fusion | None
    """How two halves become one list; None: there is one half."""
    text: str
    """The canonical spec: equal texts search alike."""


def parse(spec: str) -> IndexSpec:
    """Return what `spec` names, spaces apart; `auto` is `hybrid(auto,bm25)`. Raises BadIndexSpec."""
    name = re.sub(r"\s+", "", spec)
    if name == "bm25":
        return IndexSpec(dense=None, lexical=True, fusion=None, text="bm25")
    if name == "auto":
        return _hybrid("auto", "calibrated")
    if name == "hybrid":
        return _hybrid("flat", "calibrated")
    if (call := _CALL.fullmatch(name)) is not None:
        return _hybrid(_dense(call[1], spec), "rrf" if call[2] else "calibrated")
    dense = _dense(name, spec)
    return IndexSpec(dense=dense, lexical=False, fusion=None, text=dense)


def _dense(name: str, spec: str) -> str:
    if name in ("flat", "ivf", "ivfpq", "auto"):
        return name
    if name == "hnsw":
        return "hnsw:32"
    if (links := re.fullmatch(r"hnsw:([0-9]{1,4})", name)) is not None:
        if int(links[1]) not in LINKS:
            raise BadIndexSpec(
                f"index spec {spec!r}: M is {links[1]}, and must be from {LINKS[0]} to {LINKS[-1]} (32 is usual)"
            )
        return f"hnsw:{int(links[1])}"
    if _FACTORY.fullmatch(name):
        return name
    raise BadIndexSpec(f"index spec {spec!r} is not known; known are {', '.join(KNOWN)}")


def _hybrid(dense: str, fusion: Fusion) -> IndexSpec:
    text = f"hybrid({dense},bm25)" if fusion == "calibrated" else f"hybrid({dense},bm25,rrf)"
    return IndexSpec(dense=dense, lexical=True, fusion=fusion, text=text)
