"""What a generation must not fall short of to be activated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from retrieval.base import Value


class Gate(Value):
    min_recall_at_10: float | None = None
    max_p99_ms: float | None = None
    no_worse_ndcg: bool = False
    """Than the active generation's, on the judged queries; needs judgments."""
    alpha: float = 0.05
    """Of the paired permutation test that `no_worse_ndcg` takes."""


def misses(gate: Gate, metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each demand that is not met, or whose figure could not be had: its name, the figure and the limit."""
    found = []
    for field, figure, higher_is_better in (
        ("min_recall_at_10", "recall_at_10", True),
        ("max_p99_ms", "p99_ms", False),
    ):
        limit, value = getattr(gate, field), metrics.get(figure)
        if limit is None or (value is not None and (value >= limit if higher_is_better else value <= limit)):
            continue
        found.append({"gate": field, "metric": figure, "value": value, "limit": limit})
    return found
