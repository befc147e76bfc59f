"""Pairs measured in one run, interleaved, so that a busy machine slows both sides alike; figures are ratios first."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Report:
    """One benchmark's outcome: a title, a sentence on how it was measured, a table, and the same as numbers."""

    name: str
    title: str
    method: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    figures: Mapping[str, Any]
    pictures: Callable[[Path], None] | None = None
    """Draws them into the folder of the page."""

    def markdown(self) -> str:
        lines = [f"## {self.title}", "", self.method, "", f"Run it: `python -m benchmarks {self.name}`", ""]
        lines += [f"| {' | '.join(self.columns)} |", f"|{'---|' * len(self.columns)}"]
        lines += [f"| {' | '.join(row)} |" for row in self.rows]
        return "\n".join(lines) + "\n"


def seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def interleaved(works: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each work in each round, taken in turns; one round before it warms up and does not count."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for round in range(rounds + 1):
        for name, work in works.items():
            spent = seconds(work)
            if round:
                taken[name].append(spent)
    return taken


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)
