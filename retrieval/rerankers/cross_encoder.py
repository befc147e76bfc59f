"""Any CrossEncoder of sentence-transformers, which reads query and passage together. torch loads on the first use.

Nogueira and Cho 2019, Passage Re-ranking with BERT. Models are taken from the disk (a folder, or the Hugging Face
cache), never downloaded: a name in a request must not make a server fetch gigabytes.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from retrieval.embedders.surrogates import without_surrogates
from retrieval.errors import RerankerMissing
from retrieval.rerankers.load import NEIGHBOURS, PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrieval.base import Hit

BATCH: Final = 32
READ: Final = 2_000
"""Characters of a query that are looked at; query and passage share the model's window, mostly 512 tokens."""


class CrossEncoderReranker:
    """A `Reranker`. Loading raises RerankerMissing, on the first use."""

    def __init__(self, model: str) -> None:
        self.name: Final = f"{PREFIX}{model}"
        self._path: Final = model
        # The tokenizers of transformers keep their truncation setting in themselves: one batch at a time.
        self._running = Lock()
        self._model: Any = None

    def scores(self, query: str, hits: Sequence[Hit]) -> list[float]:
        import torch

        asked = without_surrogates(query[:READ])
        pairs = [(asked, without_surrogates(hit.text)) for hit in hits]
        with self._running:
            if self._model is None:
                self._model = _load(self._path)
            if not pairs:
                return []
            found: list[float] = self._model.predict(
                pairs, batch_size=BATCH, show_progress_bar=False, activation_fn=torch.nn.Sigmoid()
            ).tolist()
            return found


def _load(name: str) -> Any:
    try:
        from sentence_transformers import CrossEncoder

        model = CrossEncoder(name, local_files_only=True)
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        raise RerankerMissing(
            f"the reranker {PREFIX + name!r} cannot be loaded from this machine: {type(error).__name__}: {error}. "
            f"Give the folder it lies in, or fetch it once with `hf download {name}`, or use {NEIGHBOURS!r}, "
            "which needs no model"
        ) from error
    if model.num_labels != 1:
        raise RerankerMissing(
            f"the reranker {PREFIX + name!r} gives {model.num_labels} figures for a passage, where a score is one: "
            f"take a model that was trained to rank, or {NEIGHBOURS!r}"
        )
    return model
