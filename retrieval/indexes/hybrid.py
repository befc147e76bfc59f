"""Temporary."""
from __future__ import annotations
from dataclasses import dataclass
from typing import Any

@dataclass(frozen=True, slots=True)
class Ranked:
    id: int
    score: float
    dense: float | None = None
    dense_rank: int | None = None
    lexical: float | None = None
    lexical_rank: int | None = None
    fused: float | None = None

def search(query: str, vector: Any, dense: Any, lexical: Any, k: int, allow: Any, *, fusion: Any, scripts: Any) -> list[Ranked]:
    found: dict[int, dict[str, Any]] = {}
    if dense is not None and vector is not None:
        s, i = dense.search(vector[None, :], 4 * k, allow)
        for r, (a, b) in enumerate(zip(s[0].tolist(), i[0].tolist())):
            if b >= 0: found.setdefault(b, {}).update(dense=a, dense_rank=r + 1)
    if lexical is not None:
        s, i = lexical.search([query], 4 * k, allow)
        for r, (a, b) in enumerate(zip(s[0].tolist(), i[0].tolist())):
            if b >= 0: found.setdefault(b, {}).update(lexical=a, lexical_rank=r + 1)
    def sc(x):
        return sum(1 / (60 + x[n]) for n in ("dense_rank", "lexical_rank") if n in x) * 30
    best = sorted(found, key=lambda b: -sc(found[b]))[:k]
    return [Ranked(b, sc(found[b]), fused=sc(found[b]), **found[b]) for b in best]
