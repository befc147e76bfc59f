"""What scoring and times need of every record, as arrays by id: a hundred thousand are weighed in milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from agents.memory.record import Record
    from retrieval.base import Ids

NAMES = ("created", "accessed", "importance", "until")
"""Seconds since 1970, but for `importance`; `until`: from when on it holds no more, inf if it holds."""


class Columns:
    def __init__(self) -> None:
        import numpy as np

        self._rows: NDArray[np.float64] = np.zeros((len(NAMES), 64))

    def set(self, records: Sequence[Record], until: Sequence[float]) -> None:
        import numpy as np

        if not records:
            return
        ids = np.array([record.id for record in records], np.int64)
        while (top := int(ids.max())) >= self._rows.shape[1]:
            wider = np.zeros((len(NAMES), max(2 * self._rows.shape[1], top + 1)))
            wider[:, : self._rows.shape[1]] = self._rows
            self._rows = wider
        self._rows[0, ids] = [record.created_at.timestamp() for record in records]
        self._rows[1, ids] = [record.last_access.timestamp() for record in records]
        self._rows[2, ids] = [record.importance for record in records]
        self._rows[3, ids] = until

    def created(self, ids: Ids) -> NDArray[np.float64]:
        return self._rows[0, ids]  # type: ignore[no-any-return]

    def accessed(self, ids: Ids) -> NDArray[np.float64]:
        return self._rows[1, ids]  # type: ignore[no-any-return]

    def importance(self, ids: Ids) -> NDArray[np.float64]:
        return self._rows[2, ids]  # type: ignore[no-any-return]

    def until(self, ids: Ids) -> NDArray[np.float64]:
        return self._rows[3, ids]  # type: ignore[no-any-return]
