"""From a dense spec and the number of vectors to what faiss is to build: the place of every size rule."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Final

from retrieval.indexes.factory import PER_CENTROID, bare, needs

AUTO_GRAPH: Final = 50_000
"""Vectors from which `auto` is a graph. Below it an exact search costs less than the encoding of the query."""
SMALLEST_LISTS: Final = 4
CODE_BITS: Final = 4
"""Of ivfpq: 16 centroids a sub-vector train on 624 vectors in a second (256 centroids: on 9,984 in ten), and their
distances are looked up in registers. `REFINE` makes good for what they are coarser."""
REFINE: Final = 4
"""Candidates per result whose exact inner product is taken when the finder's own scores are approximate."""


@dataclass(frozen=True, slots=True)
class Plan:
    factory: str | None
    """For faiss.index_factory; None: the vectors alone, compared one by one."""
    refine: int = 1
    """Candidates fetched per result; all are scored by their exact inner product."""
    notes: tuple[str, ...] = ()
    """What differs from the spec, and why."""


@dataclass(frozen=True, slots=True)
class Knobs:
    """How far an approximate index looks, where that is not what is usual for its kind (None)."""

    effort: int | None = None
    """Candidates kept while a graph is searched, or lists looked through."""
    refine: int | None = None
    """In the place of `Plan.refine`."""


def plan(dense: str, count: int, dimension: int) -> Plan:
    """Return how `count` vectors are indexed under a canonical dense spec."""
    if count == 0 or dense == "flat":
        return Plan(None)
    if dense == "auto":
        if count < AUTO_GRAPH:
            return Plan(None, notes=(f"auto: exact search below {AUTO_GRAPH:,} chunks",))
        return Plan("HNSW32", notes=(f"auto: hnsw:32 from {AUTO_GRAPH:,} chunks",))
    if dense.startswith("hnsw:"):
        return Plan(f"HNSW{dense.removeprefix('hnsw:')}")
    if dense == "ivf":
        return _lists(dense, count, "Flat", 1)
    if dense == "ivfpq":
        return _coded(count, dimension)
    return _given(dense.removeprefix("faiss:"), count)


def _lists(dense: str, count: int, codes: str, refine: int) -> Plan:
    lists = min(int(4 * math.sqrt(count)), count // PER_CENTROID)
    if lists < SMALLEST_LISTS:
        least = SMALLEST_LISTS * PER_CENTROID
        return Plan(None, notes=(f"{dense} trains on at least {least} vectors, there are {count}: exact search",))
    return Plan(f"IVF{lists},{codes}", refine)


def _coded(count: int, dimension: int) -> Plan:
    """Four bits for every two dimensions, a sixteenth of the vectors; else eight for each, which need no training."""
    lists = _lists("ivfpq", count, "SQ8", REFINE)
    least = PER_CENTROID << CODE_BITS
    if lists.factory is None or dimension % 2:
        return lists
    if count < least:
        return replace(lists, notes=(f"ivfpq trains on at least {least} vectors, there are {count}: 8-bit codes",))
    return replace(lists, factory=lists.factory.replace("SQ8", f"PQ{dimension // 2}x{CODE_BITS}fs"))


def _given(factory: str, count: int) -> Plan:
    least, wanted = needs(bare(factory))
    if count < least:
        return Plan(None, notes=(f"{factory} trains on at least {least:,} vectors, there are {count:,}: exact search",))
    notes: tuple[str, ...] = ()
    if count < wanted:
        notes = (f"{factory} is best trained on {wanted:,} vectors or more; it was on {count:,}",)
    return Plan(bare(factory), REFINE if bare(factory) != factory else 1, notes)
