"""An embedder that is a service: texts go out in batches, what comes back is checked before it is believed.

How the service is reached is the caller's: a `Wire`. Its model's tokenizer is not here, so tokens are counted with the
bundled one (WordPiece), and letters of scripts that it does not know one by one. A quarter of the window is kept free
for what that gets wrong, and a text that the service finds too long all the same is cut in two.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

from retrieval.embedders.surrogates import without_surrogates
from retrieval.embedders.windows import cut, pool
from retrieval.errors import EmbedderFailed, EmbedderMismatch

if TYPE_CHECKING:
    from retrieval.base import Kind, Vectors

BLANK: Final = "."
"""Stands for a text without a character to see: services refuse the empty one."""
KEPT_FREE: Final = 4
"""One token in so many of the window."""
SHORTEST: Final = 16
"""Tokens of a text that is not cut again, whatever the service says."""


class Wire(Protocol):
    def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One request, tried anew as often as is due. Blocking; safe from several threads. Raises EmbedderFailed."""
        ...


class RemoteEmbedder:
    """An `Embedder`. The dimension is what the first reply has, and all others must have."""

    scripts: Final[frozenset[str]] = frozenset()

    def __init__(
        self,
        name: str,
        wire: Wire,
        *,
        identity: str,
        window: int,
        batch: int,
        dimension: int | None = None,
        query_prefix: str = "",
        document_prefix: str = "",
    ) -> None:
        """`identity`: says where the vectors come from, so that those of another server or model are not mixed in.
        `dimension`: what the service was asked for, if it was.
        """
        self.name: Final = name
        self.window: Final = window
        self._wire = wire
        self._batch = batch
        self._prefixes = {"query": query_prefix, "document": document_prefix}
        self._dimension = dimension
        self._learning = Lock()
        told = repr((identity, dimension, window, query_prefix, document_prefix))
        self.fingerprint: Final = f"{hashlib.sha256(told.encode()).hexdigest()[:16]}-http"

    @property
    def dimension(self) -> int:
        """Asks the service the first time."""
        if self._dimension is None:
            self.embed([BLANK], kind="document")
        assert self._dimension is not None
        return self._dimension

    def embed(self, texts: Sequence[str], *, kind: Kind) -> Vectors:
        """Raises EmbedderFailed, and EmbedderMismatch for vectors of another dimension than before."""
        import numpy as np

        prefix = self._prefixes[kind]
        pieces = [self._windows(_visible(text), prefix) for text in texts]
        flat = [prefix + text for windows in pieces for text, _ in windows]
        vectors: list[Vectors] = []
        while len(vectors) < len(flat):
            vectors += self._asked(flat[len(vectors) : len(vectors) + self._batch])
        pooled = np.empty((len(texts), self.dimension), np.float32)
        start = 0
        for row, windows in enumerate(pieces):
            end = start + len(windows)
            pooled[row] = pool(np.stack(vectors[start:end]), [tokens for _, tokens in windows])
            start = end
        return pooled

    def count_tokens(self, texts: Sequence[str]) -> int:
        """About as many as the model's own tokenizer makes of the texts themselves."""
        return sum(len(_tokens(without_surrogates(text))) for text in texts)

    def _windows(self, text: str, prefix: str) -> list[tuple[str, int]]:
        tokens = _tokens(text)
        room = max(1, self.window - self.window // KEPT_FREE - len(_tokens(prefix)))
        if len(tokens) <= room:
            return [(text, max(1, len(tokens)))]
        ranges = cut(len(tokens), room)
        return [(text[tokens[start][0] : tokens[end - 1][1]], end - start) for start, end in ranges]

    def _asked(self, texts: list[str]) -> list[Vectors]:
        """A vector for each text; a batch that is refused is halved, down to one text."""
        try:
            return self._checked(self._wire.embed(texts), len(texts))
        except EmbedderFailed as error:
            if not error.refused:
                raise
            if len(texts) == 1:
                return [self._halved(texts[0], error)]
        half = len(texts) // 2
        found = [*self._asked(texts[:half]), *self._asked(texts[half:])]
        # Both halves were taken: it was their number, and it will be the next time.
        self._batch = max(1, min(self._batch, len(texts) - half))
        return found

    def _halved(self, text: str, error: EmbedderFailed) -> Vectors:
        tokens = _tokens(text)
        if error.refused != "length" or len(tokens) <= SHORTEST:
            raise error
        import numpy as np

        half = len(tokens) // 2
        parts = [text[: tokens[half][0]], text[tokens[half][0] :]]
        vectors = [vector for part in parts for vector in self._asked([part])]
        return pool(np.stack(vectors), [half, len(tokens) - half])

    def _checked(self, given: Sequence[Sequence[float]], count: int) -> list[Vectors]:
        import numpy as np

        if len(given) != count:
            raise EmbedderFailed(f"the embedder {self.name!r} gave {len(given)} vectors for {count} texts")
        found: list[Vectors] = []
        for n, one in enumerate(given):
            vector = np.asarray(one, np.float32)
            self._hold(len(vector))
            length = float(np.linalg.norm(vector.astype(np.float64)))
            if not np.isfinite(length) or length < 1e-9:
                what = "numbers that are not finite" if not np.isfinite(length) else "nothing but zeros"
                raise EmbedderFailed(f"the embedder {self.name!r} gave a vector of {what} (text {n + 1} of {count})")
            found.append(np.asarray(vector / length, np.float32))
        return found

    def _hold(self, dimension: int) -> None:
        with self._learning:
            if self._dimension is None:
                self._dimension = dimension
        if dimension != self._dimension:
            raise EmbedderMismatch(
                f"the embedder {self.name!r} gave a vector of dimension {dimension}, where it gave or was asked for "
                f"{self._dimension}: another model answers under its name, or it cannot shorten its vectors"
            )


def _visible(text: str) -> str:
    # NUL ends a text for servers written in C.
    return without_surrogates(text).replace("\0", " ") if text.strip(" \t\n\r\f\v\0") else BLANK


def _tokens(text: str) -> list[tuple[int, int]]:
    """Start and end of each token as the bundled tokenizer sees them; where it knows no words, of each letter."""
    from retrieval.tokens import token_spans

    found: list[tuple[int, int]] = []
    for start, end in token_spans(text).tolist():
        if text[start:end].isascii():
            found.append((start, end))
        else:
            found += [(place, place + 1) for place in range(start, end)]
    return found
