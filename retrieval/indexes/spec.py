"""Index specs: one string names how a generation is searched."""

from __future__ import annotations

import re
from typing import Final, Literal

from retrieval.base import Value
from retrieval.errors import BadIndexSpec

Dense = Literal["flat"]
Fusion = Literal["calibrated", "rrf"]

KNOWN: Final = ("auto", "flat", "bm25", "hybrid", "hybrid(flat,bm25)", "hybrid(flat,bm25,rrf)")
_CALL: Final = re.compile(r"hybrid\(([^()]*)\)")


class IndexSpec(Value):
    dense: Dense | None
    lexical: bool
    fusion: Fusion | None
    """How two halves become one list; None: there is one half."""
    text: str
    """The canonical spec: equal texts search alike."""


def parse(spec: str) -> IndexSpec:
    """Return what `spec` names (one of `KNOWN`, spaces apart); `auto` is `hybrid`. Raises BadIndexSpec."""
    name = re.sub(r"\s+", "", spec)
    if name == "flat":
        return IndexSpec(dense="flat", lexical=False, fusion=None, text="flat")
    if name == "bm25":
        return IndexSpec(dense=None, lexical=True, fusion=None, text="bm25")
    if name in ("auto", "hybrid"):
        return _hybrid("calibrated")
    if (call := _CALL.fullmatch(name)) is None:
        raise _bad(spec)
    match call[1].split(","):
        case ["flat", "bm25"]:
            return _hybrid("calibrated")
        case ["flat", "bm25", "rrf"]:
            return _hybrid("rrf")
        case _:
            raise _bad(spec)


def _hybrid(fusion: Fusion) -> IndexSpec:
    text = "hybrid(flat,bm25)" if fusion == "calibrated" else "hybrid(flat,bm25,rrf)"
    return IndexSpec(dense="flat", lexical=True, fusion=fusion, text=text)


def _bad(spec: str) -> BadIndexSpec:
    return BadIndexSpec(f"index spec {spec!r} is not known; known are {', '.join(KNOWN)}")
