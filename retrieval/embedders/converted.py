"""A sentence-transformers model in a folder, run by ONNX Runtime where it is made of parts that we know.

Two to three times as fast as torch on one thread, with none of torch's seconds and hundreds of megabytes of loading,
and one call without Python in it, so that searches beside it do not wait for the interpreter. The first use makes the
graph in a process of its own (convert.py); a model that cannot be converted, or not faithfully, stays with torch.
"""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from retrieval.embedders import cache
from retrieval.embedders.graph import INPUT, OUTPUT
from retrieval.embedders.samples import PROOF
from retrieval.embedders.sentence_transformer import SentenceTransformerEmbedder
from retrieval.embedders.session import session
from retrieval.embedders.surrogates import without_surrogates
from retrieval.embedders.windows import cut, pool
from retrieval.errors import EmbedderMissing

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from retrieval.base import Kind, Vectors

log = logging.getLogger(__name__)

VERSION: Final = "1"
"""Of the way graphs are made."""
SAME: Final = 0.9999
"""Cosine to torch's vectors that a graph needs; only the order of float32 sums, and a float16 table, may differ."""
WINDOW, QUERY, DOCUMENT = "window", "query_prompt", "document_prompt"
"""Of the graph's metadata."""
PATIENCE_S: Final = 900
WEIGHING: Final = (".json", ".safetensors", ".bin", ".txt", ".model")
"""Files of a model's folder that have a part in its vectors."""
_ROOT: Final = Path(__file__).resolve().parents[2]


class Runs:
    """A converted model: its tokenizer and its session. Every text runs alone (why: graph.py)."""

    def __init__(self, folder: str, run: Any) -> None:
        """Raises EmbedderMissing where the folder has no tokenizer of one file."""
        from tokenizers import Tokenizer

        path = Path(folder, "tokenizer.json")
        if not path.is_file():
            raise EmbedderMissing(f"{str(path)!r} is not there")
        self._tokenizer = Tokenizer.from_file(str(path))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._run = run
        about = run.get_modelmeta().custom_metadata_map
        self.window = int(about[WINDOW])
        self.dimension: int = run.get_outputs()[0].shape[1]
        self._prompts = {"query": about.get(QUERY, ""), "document": about.get(DOCUMENT, "")}
        # What the tokenizer itself puts around a text.
        self._first, self._last = self._tokenizer.encode("").ids

    def embed(self, texts: Sequence[str], *, kind: Kind) -> Vectors:
        import numpy as np

        if not texts:
            return np.empty((0, self.dimension), np.float32)
        return np.stack([self._vector(without_surrogates(text), self._prompts[kind]) for text in texts])

    def fits(self, text: str) -> bool:
        return all(len(self.ids(prompt + text)) <= self.window - 2 for prompt in self._prompts.values())

    def ids(self, text: str) -> list[int]:
        found: list[int] = self._tokenizer.encode(without_surrogates(text), add_special_tokens=False).ids
        return found

    def _vector(self, text: str, prompt: str) -> NDArray[np.float32]:
        import numpy as np

        whole, room = self.ids(prompt + text), self.window - 2
        rows = [whole]
        if len(whole) > room:
            before, ids = self.ids(prompt), self.ids(text)
            rows = [[*before, *ids[start:end]] for start, end in cut(len(ids), max(1, room - len(before)))]
        inputs = [np.array([[self._first, *row, self._last]], np.int32) for row in rows]
        vectors = np.concatenate([self._run.run([OUTPUT], {INPUT: row})[0] for row in inputs])
        return pool(vectors, [max(1, len(row)) for row in rows])


class FolderEmbedder:
    """An `Embedder`. `cache_dir`: Sandtable's folder in the user's cache. Its first use raises EmbedderMissing where
    there is no model, and takes some seconds where it was never converted before."""

    scripts: Final[frozenset[str]] = frozenset()

    def __init__(self, folder: str, cache_dir: Path, name: str = "") -> None:
        self.name: Final = name or folder
        self._folder: Final = folder
        self._cache_dir = cache_dir
        self._loading = Lock()
        self._loaded: tuple[str, Runs | SentenceTransformerEmbedder] | None = None

    @property
    def fingerprint(self) -> str:
        return self._opened()[0]

    @property
    def dimension(self) -> int:
        return self._opened()[1].dimension

    @property
    def window(self) -> int:
        return self._opened()[1].window

    def embed(self, texts: Sequence[str], *, kind: Kind) -> Vectors:
        return self._opened()[1].embed(texts, kind=kind)

    def count_tokens(self, texts: Sequence[str]) -> int:
        runs = self._opened()[1]
        if isinstance(runs, SentenceTransformerEmbedder):
            return runs.count_tokens(texts)
        return sum(len(runs.ids(text)) for text in texts)

    def _opened(self) -> tuple[str, Runs | SentenceTransformerEmbedder]:
        if self._loaded is None:
            with self._loading:
                if self._loaded is None:
                    self._loaded = self._open()
        return self._loaded

    def _open(self) -> tuple[str, Runs | SentenceTransformerEmbedder]:
        weights = _digest(Path(self._folder))
        place = self._place(weights)
        runs = _read(self._folder, place)
        if runs is None and _converted(self._folder, place):
            runs = _read(self._folder, place)
        if runs is not None:
            return f"{weights[:16]}-onnx-{VERSION}", runs
        torch = SentenceTransformerEmbedder(self._folder)
        log.info("%s runs on torch: it could not be converted", self.name)
        return f"{weights[:16]}-torch-{torch.dimension}", torch

    def _place(self, weights: str) -> Path:
        """An upgrade of ONNX Runtime checks anew."""
        import onnxruntime

        return self._cache_dir / f"{weights}-ort{onnxruntime.__version__}-{VERSION}"


def _read(folder: str, place: Path) -> Runs | None:
    manifest = cache.read(place)
    if manifest is None:
        return None
    runs = Runs(folder, session(place / cache.GRAPH))
    return runs if runs.embed([PROOF], kind="document")[0] @ list(manifest.proof) >= SAME else None


def _converted(folder: str, place: Path) -> bool:
    command = [sys.executable, "-m", "retrieval.embedders.convert", folder, str(place)]
    try:
        done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        return False
    if done.returncode:
        log.info("%s is not converted (%d): %s", folder, done.returncode, done.stderr[-500:])
    return done.returncode == 0


def _digest(folder: Path) -> str:
    """Of all that moves a vector: weights, tokens, prompts and the order of the parts."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in WEIGHING and path.is_file():
            with path.open("rb") as file:
                inner = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{path.relative_to(folder).as_posix()} {inner}\n".encode())
    return digest.hexdigest()
