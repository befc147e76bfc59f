"""What a record weighs for a question at a time: recency, importance and relevance.

Source: Park et al. 2023 (arXiv:2304.03442), section 4.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

DECAY = 0.995
"""Of recency, for every hour since the record was last used."""


class Weighable(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def importance(self) -> float: ...
    @property
    def last_access(self) -> datetime: ...


R = TypeVar("R", bound=Weighable)


class Weights(NamedTuple):
    recency: float = 1.0
    importance: float = 1.0
    relevance: float = 1.0


class Scored(NamedTuple, Generic[R]):
    record: R
    score: float
    recency: float
    """Scaled, as the two after it; without its weight."""
    importance: float
    relevance: float


class Parts(NamedTuple):
    """Arrays (n,), in the order of the records; the three parts scaled to 0 ... 1 and unweighted."""

    score: Numbers
    recency: Numbers
    importance: Numbers
    relevance: Numbers


def parts(hours: Numbers, importance: Numbers, relevance: Numbers, weights: Weights) -> Parts:
    """`hours` since the last use: what is used in the future of a clock that was set back is used now."""
    import numpy as np

    rec = scaled(DECAY ** np.maximum(hours, 0.0))
    imp, rel = scaled(importance), scaled(relevance)
    return Parts(weights.recency * rec + weights.importance * imp + weights.relevance * rel, rec, imp, rel)


def scored(records: Sequence[R], nearness: Sequence[float], now: datetime, weights: Weights) -> list[Scored[R]]:
    """Best first; of equals the later one. Each part is scaled to 0 ... 1 over all records before it is weighed."""
    import numpy as np

    hours = np.array([(now - record.last_access).total_seconds() / 3600 for record in records])
    importance = np.array([float(record.importance) for record in records])
    found = parts(hours, importance, np.asarray(nearness, np.float64), weights)
    listed = [Scored(record, *map(float, row)) for record, *row in zip(records, *found, strict=True)]
    return sorted(listed, key=lambda one: (-one.score, -one.record.id))


def scaled(values: Numbers) -> Numbers:
    """Min-max. Equal values order nothing: all are 0."""
    import numpy as np

    if not len(values):
        return values
    low, high = values.min(), values.max()
    return np.zeros(len(values)) if high == low else (values - low) / (high - low)


def fitting(found: Sequence[Scored[R]], characters: int) -> list[Scored[R]]:
    """The best of them whose texts fit into so many characters, up to the first that does not; one in any case."""
    kept: list[Scored[R]] = []
    for one in found:
        characters -= len(one.record.text)
        if kept and characters < 0:
            break
        kept.append(one)
    return kept
