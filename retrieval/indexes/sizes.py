"""How large what a factory string names may be, read out of the string: faiss allocates as soon as it is asked."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Final

from retrieval.errors import BadIndexSpec

LISTS: Final = 1 << 20
LINKS: Final = 128
BITS: Final = 12
"""Of a code: 4,096 centroids."""
CENTROIDS: Final = 8192
"""Of all codebooks of a residual or local search quantizer together: faiss keeps the products of each two of them."""
RADIUS: Final = 16
"""Squared, of a lattice: faiss counts the points on it."""
NUMBER: Final = 4096
"""Any other: parts of a vector, dimensions of a transformation, vectors of a block."""
STEPS: Final = 8
"""Parts between commas and parentheses."""
_LISTS: Final = re.compile(r"IVF(\d+)")
_LINKS: Final = re.compile(r"(?:HNSW|NSG)(\d+)")
_RADIUS: Final = re.compile(r"ZnLattice\d+x(\d+)")
_BITS: Final = re.compile(r"PQ\d+(?:\+\d+)?x(\d+)")
_ADDITIVE: Final = re.compile(r"P?(?:RQ|LSQ)(\d+(?:[x_]\d+)*)")


def check_sizes(factory: str, dense: str) -> None:
    """Raise BadIndexSpec for what is larger than is taken here; `dense` is what the error calls it."""
    for what, size, most in _sizes(factory):
        if size > most:
            raise BadIndexSpec(f"index spec {dense!r}: {what} {size:,}, and may be {most:,} at most")


def _sizes(factory: str) -> Iterator[tuple[str, int, int]]:
    """What each is called, its size, and the most it may be."""
    yield "its parts are", len(re.split(r"[,(]", factory)), STEPS
    yield "its lists are", sum(map(int, _LISTS.findall(factory))), LISTS
    yield "the links of its graph are", max(map(int, _LINKS.findall(factory)), default=0), LINKS
    yield "the squared radius of its lattice is", max(map(int, _RADIUS.findall(factory)), default=0), RADIUS
    yield "the bits of its codes are", max(map(int, _BITS.findall(factory)), default=0), BITS
    for given in _ADDITIVE.findall(factory):
        for books in given.split("_"):
            *counts, bits = map(int, books.split("x"))
            yield "the bits of its codes are", bits if counts else 0, BITS
            yield "the centroids of its codebooks are", math.prod(counts) << min(bits, BITS), CENTROIDS
    rest = _LISTS.sub("", factory)
    yield "a number in it is", max(map(int, re.findall(r"\d+", rest)), default=0), NUMBER
