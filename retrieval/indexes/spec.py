"""Index specs: one string names how a generation is searched.

    spec    = dense | "bm25" | "auto" | "hybrid" | "hybrid(" dense ",bm25" [",rrf"] ")"
    dense   = "flat" | "hnsw" [":" M] | "ivf" | "ivfpq" | "auto" | "faiss:" FACTORY | "pgvector" [":" M]

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
    "hybrid(DENSE,bm25,rrf)", "pgvector", "pgvector:M",
)  # fmt: skip
LINKS: Final = {"hnsw": range(4, 129), "pgvector": range(4, 101)}
"""What M of `hnsw:M` and `pgvector:M` may be: neighbours of a vector in the graph."""
USUAL_LINKS: Final = {"hnsw": 32, "pgvector": 16}
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

    @property
    def outside(self) -> bool:
        """Whether the dense half is kept by an engine of its own."""
        return self.dense is not None and self.dense.startswith("pgvector:")


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
    if name in USUAL_LINKS:
        return f"{name}:{USUAL_LINKS[name]}"
    if (graph := re.fullmatch(r"(hnsw|pgvector):([0-9]{1,4})", name)) is not None:
        kind, links = graph[1], int(graph[2])
        if links not in LINKS[kind]:
            least, most = LINKS[kind][0], LINKS[kind][-1]
            raise BadIndexSpec(
                f"index spec {spec!r}: M is {links}, and must be from {least} to {most} ({USUAL_LINKS[kind]} is usual)"
            )
        return f"{kind}:{links}"
    if _FACTORY.fullmatch(name):
        return name
    raise BadIndexSpec(f"index spec {spec!r} is not known; known are {', '.join(KNOWN)}")


def _hybrid(dense: str, fusion: Fusion) -> IndexSpec:
    text = f"hybrid({dense},bm25)" if fusion == "calibrated" else f"hybrid({dense},bm25,rrf)"
    return IndexSpec(dense=dense, lexical=True, fusion=fusion, text=text)
