"""Texts as vectors of their words: the gate's features where there is no embedder. No model, the same everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agents.experts.gate import Floats

DIMENSION = 4096
"""Terms share a place by their hash; two of a hundred different ones collide in about one of 80 pairs of texts."""


def word_vectors(texts: Sequence[str]) -> Floats:
    """(n, 4096), each of length 1, or 0 for a text without terms."""
    import numpy as np

    from retrieval.analysis import terms
    from retrieval.indexes.postings import term_hash

    found = np.zeros((len(texts), DIMENSION))
    for row, text in enumerate(texts):
        for term in terms(text):
            found[row, term_hash(term) % DIMENSION] += 1
    found = np.sqrt(found)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    normed: Floats = found / np.where(lengths > 0, lengths, 1)
    return normed
