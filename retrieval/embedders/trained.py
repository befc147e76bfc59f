"""A retriever that was trained here: one encoder, or one for questions and one for passages (retrieval/training)."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.embedders.converted import FolderEmbedder
from retrieval.embedders.load import ABOUT
from retrieval.errors import EmbedderMissing
from retrieval.training.towers import SHARED, SIDES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrieval.base import Kind, Vectors


class Trained:
    """An `Embedder`. Raises EmbedderMissing on its first use where the folder is not whole."""

    def __init__(self, folder: Path, cache_dir: Path, name: str = "") -> None:
        self.name = name or str(folder)
        self._folder = folder
        self._cache_dir = cache_dir

    @cached_property
    def scripts(self) -> frozenset[str]:
        return frozenset(self._about["scripts"])

    @property
    def fingerprint(self) -> str:
        query, document = (self._sides[side].fingerprint for side in SIDES)
        if query == document:
            return query
        return f"{hashlib.sha256(f'{query} {document}'.encode()).hexdigest()[:16]}-towers"

    @property
    def dimension(self) -> int:
        return self._sides["document"].dimension

    @property
    def window(self) -> int:
        return self._sides["document"].window

    def embed(self, texts: Sequence[str], *, kind: Kind) -> Vectors:
        return self._sides[kind].embed(texts, kind=kind)

    def count_tokens(self, texts: Sequence[str]) -> int:
        return self._sides["document"].count_tokens(texts)

    @cached_property
    def _about(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self._folder / ABOUT).read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise EmbedderMissing(f"the trained embedder {self.name!r} cannot be read: {error}") from None
        return found

    @cached_property
    def _sides(self) -> dict[str, FolderEmbedder]:
        shared = self._about["towers"] == "shared"
        folders = dict.fromkeys(SIDES, SHARED) if shared else {side: side for side in SIDES}
        made = {part: FolderEmbedder(str(self._folder / part), self._cache_dir) for part in set(folders.values())}
        return {side: made[part] for side, part in folders.items()}
