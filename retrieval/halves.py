"""The indexes of a generation, as its spec names them: from a base, empty, or where an engine keeps them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.indexes.postgres import without_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from retrieval.indexes.ann import AnnIndex
    from retrieval.indexes.bm25 import BM25Index
    from retrieval.indexes.flat import FlatIndex
    from retrieval.indexes.pgvector import PgvectorIndex
    from retrieval.indexes.postgres import Postgres
    from retrieval.indexes.spec import IndexSpec


def dense_half(spec: IndexSpec, dimension: int, base: Path | None) -> FlatIndex | AnnIndex | None:
    """`base`: a folder that a snapshot was written to; None: there is none yet."""
    from retrieval.indexes.ann import AnnIndex
    from retrieval.indexes.flat import FlatIndex

    if spec.dense is None or spec.outside:
        return None
    if spec.dense == "flat":
        return FlatIndex(dimension) if base is None else FlatIndex.load(base / "dense")
    return AnnIndex(spec.dense, dimension) if base is None else AnnIndex.load(base / "dense", spec.dense)


def outside_half(
    spec: IndexSpec, identity: Mapping[str, str | int], postgres: Postgres | None, name: str
) -> PgvectorIndex | None:  # fmt: skip
    """Not opened. `name`: of the generation, which no other has."""
    from retrieval.indexes.pgvector import PgvectorIndex

    if spec.dense is None or not spec.outside:
        return None
    about = f"{spec.dense} {identity['fingerprint']}"
    return PgvectorIndex(spec.dense, int(identity["dimension"]), postgres or without_address(), name, about)


def lexical_half(spec: IndexSpec, base: Path | None) -> BM25Index | None:
    from retrieval.indexes.bm25 import BM25Index

    if not spec.lexical:
        return None
    return BM25Index() if base is None else BM25Index.load(base / "lexical")
