"""What a generation must not fall short of to be activated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from retrieval.base import Value
from retrieval.evaluation import Difference

NO_WORSE: Final = "no_worse_ndcg"


class Gate(Value):
    min_recall_at_10: float | None = None
    max_p99_ms: float | None = None
    no_worse_ndcg: bool = False
    """Than that of the generation which is active when this one is to be, on the judged queries; needs judgments."""
    alpha: float = 0.05
    """Of the paired permutation test that `no_worse_ndcg` takes."""


def misses(gate: Gate, metrics: Mapping[str, Any], ndcg: Difference | None = None) -> list[dict[str, Any]]:
    """Each demand that is not met, or whose figure could not be had: its name, the figure and the limit.

    `ndcg`: the difference from the active generation on the judged queries.
    """
    found = worse(gate, metrics.get("ndcg_at_10"), ndcg)
    for field, figure, higher_is_better in (
        ("min_recall_at_10", "recall_at_10", True),
        ("max_p99_ms", "p99_ms", False),
    ):
        limit, value = getattr(gate, field), metrics.get(figure)
        if limit is None or (value is not None and (value >= limit if higher_is_better else value <= limit)):
            continue
        found.append({"gate": field, "metric": figure, "value": value, "limit": limit})
    return found


def worse(gate: Gate, value: float | None, ndcg: Difference | None) -> list[dict[str, Any]]:
    """What `misses` tells of `no_worse_ndcg`. `value`: the nDCG that was found."""
    if not gate.no_worse_ndcg or (ndcg is not None and (ndcg.mean >= 0 or ndcg.p_value >= gate.alpha)):
        return []
    limit = "judged queries and an active generation that can be searched, and one of them is missing"
    if ndcg is not None:
        limit = f"no loss at alpha {gate.alpha:g}, and it lost {-ndcg.mean:g} (p {ndcg.p_value:g})"
    return [{"gate": NO_WORSE, "metric": "ndcg_at_10", "value": value, "limit": limit}]
