"""faiss's factory strings: what they need to train, and whether faiss can make an index of one."""

from __future__ import annotations

import re
from typing import Any, Final

from retrieval.errors import BadIndexSpec
from retrieval.indexes.sizes import check_sizes

PER_CENTROID: Final = 39
"""Training vectors per centroid that faiss asks for (Clustering.min_points_per_centroid)."""
_REFINED: Final = re.compile(r",(RFlat|Refine\(Flat\))$")


def bare(factory: str) -> str:
    """Without a stage that refines by whole vectors: ours has them anyway, and faiss would keep them again."""
    return _REFINED.sub("", factory)


def needs(factory: str) -> tuple[int, int]:
    """Return how many vectors it takes to train at all, and how many faiss would like."""
    lists = [int(n) for n in re.findall(r"IVF(\d+)", factory)]
    bits = [int(b) for b in re.findall(r"PQ\d+(?:[x+]\d+)?x(\d+)", factory)]
    if re.search(r"PQ\d+(?:_\d+)?(?=$|,|np|\+)", factory):
        bits.append(8)
    centroids = max([*lists, *(1 << b for b in bits)], default=0)
    return centroids, centroids * PER_CENTROID


def check(dense: str, dimension: int) -> None:
    """Raise BadIndexSpec for a `faiss:` string that asks for too much, of which faiss makes no index by inner product,
    or one with own ids."""
    if dense.startswith("faiss:"):
        factory = bare(dense.removeprefix("faiss:"))
        check_sizes(factory, dense)
        empty(factory, dimension, dense)


def empty(factory: str, dimension: int, dense: str = "") -> Any:
    """An untrained faiss index. Raises BadIndexSpec."""
    import faiss

    try:
        made = faiss.index_factory(dimension, factory, faiss.METRIC_INNER_PRODUCT)
    except RuntimeError as error:
        why = str(error).splitlines()[0].rpartition("Error: ")[2]
        raise BadIndexSpec(
            f"index spec {dense or factory!r}: faiss makes no index of {factory!r} for {dimension} dimensions ({why})"
        ) from None
    if made.metric_type != faiss.METRIC_INNER_PRODUCT or isinstance(made, faiss.IndexIDMap | faiss.IndexRefine):
        raise BadIndexSpec(
            f"index spec {dense or factory!r}: ids and refinement are this service's own part; leave them to it"
        )
    return made
