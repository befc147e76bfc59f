"""Any sentence-transformers model. torch loads on the first use, and only here.

Models are taken from the disk (a folder, or the Hugging Face cache), never downloaded: a name in a request must not
make a server fetch gigabytes.
"""

from __future__ import annotations

import hashlib
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from retrieval.embedders.surrogates import without_surrogates
from retrieval.embedders.windows import cut, pool
from retrieval.errors import EmbedderMissing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrieval.base import Kind, Vectors

BATCH: Final = 32
UNBOUNDED: Final = 1 << 20
"""Stands for a model that states no window."""
SLACK: Final = 16
"""A window gives up one token in so many: cut at other places, the same text can come to a few tokens more."""


class SentenceTransformerEmbedder:
    """An `Embedder`. Queries and documents get the prompts that the model's own configuration names.

    Loading raises EmbedderMissing, on the first use or property that needs the model.
    """

    scripts: Final[frozenset[str]] = frozenset()

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self._loading = Lock()
        # The tokenizers of transformers keep their truncation setting in themselves: one batch at a time.
        self._running = Lock()
        self._model: Any = None
        self._fingerprint = ""
        self._dimension = 0

    @property
    def fingerprint(self) -> str:
        self._loaded()
        return self._fingerprint

    @property
    def dimension(self) -> int:
        self._loaded()
        return self._dimension

    @property
    def window(self) -> int:
        return window_of(self._loaded())

    def embed(self, texts: Sequence[str], *, kind: Kind) -> Vectors:
        import numpy as np

        model = self._loaded()
        pieces = [self._windows(model, without_surrogates(text), kind) for text in texts]
        flat = [window for windows in pieces for window in windows]
        vectors = self._encode(model, [text for text, _ in flat], kind)
        pooled = np.empty((len(texts), vectors.shape[1]), np.float32)
        start = 0
        for row, windows in enumerate(pieces):
            end = start + len(windows)
            pooled[row] = pool(vectors[start:end], [tokens for _, tokens in windows])
            start = end
        return pooled

    def count_tokens(self, texts: Sequence[str]) -> int:
        """Tokens of the texts themselves: special tokens, prompts and the overlap of windows are not counted."""
        model = self._loaded()
        return sum(len(self._ids(model, without_surrogates(text))) for text in texts)

    def _windows(self, model: Any, text: str, kind: Kind) -> list[tuple[str, int]]:
        """Cut into texts that fit, with their tokens; a text that fits stays as it is."""
        ids = self._ids(model, text)
        specials = model.tokenizer.num_special_tokens_to_add() + len(self._ids(model, _prompt(model, kind)))
        room = window_of(model) - specials
        if len(ids) <= room:
            return [(text, max(1, len(ids)))]
        ranges = cut(len(ids), max(1, room - room // SLACK))
        return [(model.tokenizer.decode(ids[start:end]), end - start) for start, end in ranges]

    def _ids(self, model: Any, text: str) -> list[int]:
        with self._running:
            ids: list[int] = model.tokenizer.encode(text, add_special_tokens=False, truncation=False, verbose=False)
        return ids

    def _encode(self, model: Any, texts: list[str], kind: Kind) -> Vectors:
        """Batches of like length; the lock is let go between them, so that a query gets its turn."""
        import numpy as np

        vectors = np.empty((len(texts), self.dimension), np.float32)
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        encode = model.encode_query if kind == "query" else model.encode_document
        for start in range(0, len(order), BATCH):
            places = order[start : start + BATCH]
            batch = [texts[place] for place in places]
            with self._running:
                vectors[places] = encode(batch, batch_size=BATCH, show_progress_bar=False, normalize_embeddings=True)
        return vectors

    def _loaded(self) -> Any:
        if self._model is None:
            with self._loading:
                if self._model is None:
                    model = load_model(self.name)
                    self._fingerprint = _fingerprint(model)
                    # The library's own name for this has changed between its versions 5 and 6.
                    self._dimension = model.encode([""], show_progress_bar=False).shape[1]
                    self._model = model
        return self._model


def load_model(name: str) -> Any:
    try:
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(name, local_files_only=True)
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        raise EmbedderMissing(
            f"the embedder {name!r} cannot be loaded from this machine: {type(error).__name__}: {error}. "
            f"Give the folder it lies in, or fetch it once with `hf download {name}`, or use 'default', "
            "the bundled all-MiniLM-L6-v2"
        ) from error


def window_of(model: Any) -> int:
    """Tokens that a loaded model sees, special ones included."""
    return min(model.max_seq_length or UNBOUNDED, UNBOUNDED)


def _prompt(model: Any, kind: Kind) -> str:
    """The longest that the library may put before a text of this kind."""
    names = ("query",) if kind == "query" else ("document", "passage", "corpus")
    names = (*names, model.default_prompt_name)
    return max((model.prompts.get(name) or "" for name in names), key=len)


def _fingerprint(model: Any) -> str:
    """Of the weights, the prompts and the window: whatever moves a vector."""
    import torch

    digest = hashlib.sha256(repr((sorted(model.prompts.items()), window_of(model))).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return f"{digest.hexdigest()[:16]}-torch"
