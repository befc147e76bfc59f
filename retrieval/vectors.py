"""Vectors kept by the text they stand for and the embedder that made them, in the database beside the chunks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, insert, select

from retrieval.base import Embedder
from retrieval.errors import EmbedderMismatch
from retrieval.tables import embedding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from sqlalchemy import Connection

    Vector = NDArray[np.float32]


# Put together once: that takes longer than SQLite needs for it.
_KNOWN: Final = select(embedding.c.text_sha256, embedding.c.vector).where(
    embedding.c.fingerprint == bindparam("of_fingerprint"),
    embedding.c.text_sha256.in_(bindparam("hashes", expanding=True)),
)
_NEW: Final = insert(embedding).prefix_with("OR IGNORE", dialect="sqlite")


def read_vectors(db: Connection, embedder: Embedder, hashes: Sequence[bytes]) -> dict[bytes, Vector]:
    """The vectors there are, each (dimension,). Raises EmbedderMismatch if one has another dimension."""
    import numpy as np

    found: dict[bytes, Vector] = {}
    for start in range(0, len(hashes), 1_000):
        asked = {"of_fingerprint": embedder.fingerprint, "hashes": hashes[start : start + 1_000]}
        for digest, data in db.execute(_KNOWN, asked):
            vector = np.frombuffer(data, np.float32)
            if len(vector) != embedder.dimension:
                raise EmbedderMismatch(
                    f"stored vectors of {embedder.fingerprint!r} have dimension {len(vector)}, "
                    f"the embedder {embedder.name!r} makes {embedder.dimension}"
                )
            found[digest] = vector
    return found


def write_vectors(db: Connection, embedder: Embedder, vectors: Mapping[bytes, Vector]) -> None:
    if vectors:
        db.execute(
            _NEW,
            [
                {"fingerprint": embedder.fingerprint, "text_sha256": digest, "vector": vector.tobytes()}
                for digest, vector in vectors.items()
            ],
        )
