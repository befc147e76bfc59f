"""The seams of retrieval: vectors in numpy below, text and hits above.

Arrays: ids int64; scores float32, higher is nearer; a missing place holds (-inf, -1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    Scores = NDArray[np.float32]
    Ids = NDArray[np.int64]

Kind = Literal["query", "document"]
AttributeValue = str | int | float | bool


class Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Span(Value):
    """A half-open range of code points in a document's parsed text."""

    start: int
    end: int


class Parsed(Value):
    """What a loader makes of a file."""

    text: str
    title: str = ""
    media_type: str


class FoundBy(Value):
    """One of several queries that found a hit: where it ranked it, and with what score."""

    query: str
    rank: int
    score: float


class StageScores(Value):
    """How a hit fared at each stage; None: the stage did not see it. Ranks count from 1."""

    dense: float | None = None
    dense_rank: int | None = None
    lexical: float | None = None
    lexical_rank: int | None = None
    fused: float | None = None
    candidate_rank: int | None = None
    """Before it was put in order again by `rerank`."""
    rerank: float | None = None
    rerank_rank: int | None = None
    found_by: tuple[FoundBy, ...] = ()
    """Where several queries were joined; the stages are those of the query that ranked it best."""


class Hit(Value):
    chunk_id: int
    file_id: str
    filename: str
    text: str
    """The chunk: document text from `start` to `end` (code points)."""
    start: int
    end: int
    score: float
    """Of the last stage, higher is nearer; comparable only within one search."""
    stages: StageScores = StageScores()
    attributes: Mapping[str, AttributeValue] = {}


class Embedder(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str:
        """Changes whenever vectors would: model hash and runtime. Vectors are compared only within one fingerprint."""
        ...

    @property
    def dimension(self) -> int: ...

    @property
    def window(self) -> int:
        """Tokens the model sees, special tokens included."""
        ...

    @property
    def scripts(self) -> frozenset[str]:
        """Unicode scripts (as `retrieval.scripts` names them) that the model was trained on; empty: all."""
        ...

    def embed(self, texts: Sequence[str], *, kind: Kind) -> Vectors:
        """Return float32 (n, dimension), L2-normalised, in the order of `texts`. Blocking; safe from several threads.

        A text longer than the window is embedded as windows and pooled, never cut silently.
        """
        ...

    def count_tokens(self, texts: Sequence[str]) -> int:
        """Tokens of all texts together, as the model's tokenizer counts them."""
        ...


class Index(Protocol):
    """A structure that finds ids. Not thread-safe: the caller holds the lock. `payload`: vectors (n, d) or n texts."""

    def add(self, ids: Ids, payload: Any) -> None: ...

    def remove(self, ids: Ids) -> None:
        """Unknown ids are passed over."""
        ...

    def search(self, queries: Any, k: int, allow: Ids | None = None) -> tuple[Scores, Ids]:
        """Return scores and ids (n, k), best first; `allow` (sorted, unique) limits the search to these ids."""
        ...

    def snapshot(self) -> Callable[[Path], None]:
        """Return what writes the present state to a directory, which exists and is empty. Quick; its call may take
        long, on another thread, beside later searches and changes, which do not reach it."""
        ...

    def __len__(self) -> int: ...


class Reranker(Protocol):
    @property
    def name(self) -> str: ...

    def scores(self, query: str, hits: Sequence[Hit]) -> list[float]:
        """A score from 0 to 1 for each of the hits, which come best first; higher is nearer.

        Blocking; safe from several threads. Raises RerankerMissing.
        """
        ...


class Rerank(Value):
    """By what hits are put in order again, and how many of the first it looks at (never fewer than are wanted)."""

    ranker: str
    depth: int = 50


class Retriever(Protocol):
    async def search(
        self, query: str, k: int, *, where: Any | None = None, rerank: Rerank | None = None
    ) -> list[Hit]: ...
