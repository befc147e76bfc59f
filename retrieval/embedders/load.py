"""Embedders by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from retrieval.base import Embedder

BUNDLED: Final = frozenset({"default", "minilm", "all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2"})
PREFIX: Final = "st:"
ABOUT: Final = "trained.json"
"""In the folder of a retriever trained here, beside the weights: how it was trained, and what that has brought."""


def is_folder(spec: str) -> bool:
    """Whether `spec` names a model in a folder that is there."""
    model = spec.removeprefix(PREFIX).strip()
    return spec not in BUNDLED and bool(model) and Path(model).is_dir()


def load(spec: str, *, cache_dir: Path, name: str = "") -> Embedder:
    """Return the embedder that `spec` names, without loading its model yet (the first use does).

    "minilm", "all-MiniLM-L6-v2" and "default" are the bundled one; "st:NAME_OR_PATH", or any other name, is a
    sentence-transformers model, or the folder of a retriever trained here. `name`: what one in a folder is called, if
    not by its path. Raises EmbedderMissing on an empty spec.
    """
    if spec in BUNDLED:
        from retrieval.embedders.minilm import MiniLM

        return MiniLM(cache_dir)

    from retrieval.embedders.sentence_transformer import SentenceTransformerEmbedder
    from retrieval.errors import EmbedderMissing

    model = spec.removeprefix(PREFIX).strip()
    if not model:
        raise EmbedderMissing(f"{spec!r} names no model: give 'default', or 'st:' and a model's name or folder")
    if Path(model, ABOUT).is_file():
        from retrieval.embedders.trained import Trained

        return Trained(Path(model).absolute(), cache_dir, name)
    if is_folder(spec):
        from retrieval.embedders.converted import FolderEmbedder

        return FolderEmbedder(str(Path(model).absolute()), cache_dir, name)
    return SentenceTransformerEmbedder(model)
