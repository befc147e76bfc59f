"""What stands for an embedder that cannot even be named here, such as one of a profile that the settings lack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from retrieval.errors import EmbedderMissing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrieval.base import Kind, Vectors


class Absent:
    """An `Embedder`. Whatever needs the model raises EmbedderMissing."""

    scripts: Final[frozenset[str]] = frozenset()

    def __init__(self, name: str, why: str) -> None:
        self.name: Final = name
        self._why = why

    @property
    def fingerprint(self) -> str:
        raise EmbedderMissing(self._why)

    @property
    def dimension(self) -> int:
        raise EmbedderMissing(self._why)

    @property
    def window(self) -> int:
        raise EmbedderMissing(self._why)

    def embed(self, texts: Sequence[str], *, kind: Kind) -> Vectors:
        raise EmbedderMissing(self._why)

    def count_tokens(self, texts: Sequence[str]) -> int:
        raise EmbedderMissing(self._why)
