"""An embedder without a model, for tests of what is built around one: a text's vector is the sum of its words'."""

import zlib
from collections.abc import Callable

import numpy as np

DIMENSION = 32


class HashEmbedder:
    """The same in any process. `embedded` counts texts by kind; `before` is called with each batch of documents."""

    name = "hashing"
    dimension = DIMENSION
    window = 256
    scripts: frozenset[str] = frozenset()

    def __init__(self, fingerprint: str = "hashing-1", before: Callable[[list[str]], None] | None = None) -> None:
        self.fingerprint = fingerprint
        self.embedded = {"query": 0, "document": 0}
        self._before = before

    def embed(self, texts, *, kind):
        if kind == "document" and self._before is not None:
            self._before(list(texts))
        self.embedded[kind] += len(texts)
        return np.stack([self._vector(text) for text in texts])

    def count_tokens(self, texts):
        return sum(len(text.split()) for text in texts)

    def _vector(self, text):
        total = np.zeros(DIMENSION, np.float32)
        for word in text.lower().split() or [text]:
            seed = zlib.crc32(f"{self.fingerprint} {word}".encode())
            total += np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)
        return total / max(float(np.linalg.norm(total)), 1e-9)
