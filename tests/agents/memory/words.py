"""An embedder that needs no model: texts are near as far as they share words."""

import zlib

import numpy as np


class Words:
    name = "words"
    dimension = 64
    window = 1_000_000
    scripts = frozenset()

    def __init__(self, fingerprint="words/1"):
        self.fingerprint = fingerprint
        self.embedded = []

    def embed(self, texts, *, kind):
        self.embedded += texts
        rows = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.casefold().strip(".?!").split() or [""]:
                row[zlib.crc32(word.encode()) % self.dimension] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def count_tokens(self, texts):
        return sum(len(text.split()) for text in texts)
