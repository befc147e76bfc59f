"""The bundled embedder: all-MiniLM-L6-v2 on ONNX Runtime, offline, without torch.

Every text runs alone: nothing is padded, its vector does not depend on what it is embedded with, and a query waits for
nobody's batch (why that is also fast: graph.py).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from retrieval.embedders.graph import INPUT, OUTPUT
from retrieval.embedders.runtime import fingerprint, open_runtime
from retrieval.embedders.surrogates import without_surrogates
from retrieval.embedders.weights import HIDDEN
from retrieval.embedders.windows import cut, pool
from retrieval.tokens import tokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from retrieval.base import Kind, Vectors

FIRST: Final = 101
"""[CLS]"""
LAST: Final = 102
"""[SEP]"""


class MiniLM:
    """An `Embedder`. The first use loads (or, on the first use ever, builds) the runtime graph: see `runtime.prepare`.

    `cache_dir` is Sandtable's folder in the user's cache; `threads`: texts of one call embedded at a time.
    """

    name: Final = "all-MiniLM-L6-v2"
    dimension: Final = HIDDEN
    window: Final = 256
    scripts: Final = frozenset({"Latin"})

    def __init__(self, cache_dir: Path, threads: int = 1) -> None:
        if threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads!r}")
        self._cache_dir = cache_dir
        self._threads = threads
        self._loading = Lock()
        self._runtime: tuple[str, Any] | None = None

    @property
    def fingerprint(self) -> str:
        return self._loaded()[0]

    def embed(self, texts: Sequence[str], *, kind: Kind) -> Vectors:
        """As `Embedder.embed`; the model makes no difference between queries and documents."""
        import numpy as np

        run = self._loaded()[1]
        if not texts:
            return np.empty((0, HIDDEN), np.float32)
        if self._threads == 1 or len(texts) == 1:
            return np.stack([self._vector(run, text) for text in texts])
        with ThreadPoolExecutor(self._threads, "embed") as pool_of_threads:
            return np.stack(list(pool_of_threads.map(lambda text: self._vector(run, text), texts)))

    def count_tokens(self, texts: Sequence[str]) -> int:
        """Tokens of the texts themselves: special tokens and the overlap of windows are not counted."""
        return sum(len(_ids(text)) for text in texts)

    def _vector(self, run: Any, text: str) -> NDArray[np.float32]:
        import numpy as np

        ids = _ids(text)
        rows = [ids[start:end] for start, end in cut(len(ids), self.window - 2)]
        inputs = [np.array([[FIRST, *row, LAST]], np.int32) for row in rows]
        vectors = np.concatenate([run.run([OUTPUT], {INPUT: row})[0] for row in inputs])
        return pool(vectors, [len(row) for row in rows])

    def _loaded(self) -> tuple[str, Any]:
        if self._runtime is None:
            with self._loading:
                if self._runtime is None:
                    prepared, run = open_runtime(self._cache_dir)
                    self._runtime = (fingerprint(prepared.runtime), run)
        return self._runtime


def _ids(text: str) -> list[int]:
    ids: list[int] = tokenizer().encode(without_surrogates(text), add_special_tokens=False).ids
    return ids
