"""Whether a chart shows what a query gave: its values, each at its place, and all rows of them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agents.events import Validated

if TYPE_CHECKING:
    from agents.charts import Series
    from agents.run import Run

NEAR = 1e-6
"""Relative difference up to which two numbers are the same: floats go through text on the way."""
YEARS = range(1000, 3000)
MOST_TOLD = 10
_NUMBER = re.compile(r"[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?")

Cells = Sequence[float | str | None]
"""Of a column; None: NULL."""


@dataclass(frozen=True)
class Finding:
    foreign: tuple[float, ...] = ()
    """Values that the query did not give."""
    labels: tuple[float, ...] = ()
    """Values that it gave as what the rows are about, such as their year."""
    moved: tuple[float, ...] = ()
    """Values that it gave, of another row than that at whose place they are drawn."""
    drawn: int = 0
    rows: int = 0
    """Of the columns that are drawn, those with a number."""

    @property
    def ok(self) -> bool:
        return not (self.foreign or self.labels or self.moved) and self.drawn == self.rows

    @property
    def message(self) -> str:
        wrong = {
            "values that the query did not give": self.foreign,
            "labels of the query's rows as if they were values": self.labels,
            "values at the places of other rows": self.moved,
        }
        told = [f"{what}: {_listed(values)}" for what, values in wrong.items() if values]
        if not told and self.drawn < self.rows:
            return f"{self.drawn} of the {self.rows} rows that the query gave, each with its value"
        return "; ".join(told) or "every value is one that the query gave"


def compare(run: Run, series: Sequence[Series], figures: str) -> None:
    """Tell whether the chart shows what the query gave, all of it and nothing else. `figures`: as `sql` tells rows."""
    read = [one for one in series if any(map(math.isfinite, one.values))]
    if not read:
        run.warn("chart_unchecked", "the values of such a chart cannot be read off it, so nothing compares them")
        return
    if len(read) < len(series):
        run.warn("chart_unchecked", "a part of the chart cannot be read off it, so nothing compares that part")
    columns = columns_of(figures)
    if not columns:
        run.warn("chart_unchecked", "the query gave no table of figures, so nothing compares the chart with it")
        return
    finding = found(read, columns)
    run.emit(Validated, what="chart", ok=finding.ok, message=finding.message)
    if not finding.ok:
        wrong = finding.foreign or finding.labels or finding.moved
        run.warn("chart_differs" if wrong else "chart_partial", f"the chart shows {finding.message}")


def columns_of(figures: str) -> list[Cells]:
    """The columns of a table whose cells stand between bars, the first line its names; lines that are no row are left
    out."""
    lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in figures.splitlines() if line]
    rows = [line for line in lines[1:] if len(line) == len(lines[0])]
    if len(lines[0] if lines else ()) == 1:  # A remark below is as long as a row.
        rows = [row for row in rows if isinstance(_cell(row[0]), float)]
    return [[_cell(cell) for cell in column] for column in zip(*rows, strict=True)]


def found(series: Sequence[Series], columns: Sequence[Cells]) -> Finding:
    numbers = [column for column in columns if any(isinstance(cell, float) for cell in column)]
    label = _label(series, columns)
    measured = [column for column in numbers if column is not label]
    foreign: list[float] = []
    labels: list[float] = []
    moved: list[float] = []
    drawn: dict[int, set[int]] = {}
    for one in series:
        values = [value for value in one.values if math.isfinite(value)]
        unknown = [value for value in values if not any(_rows(value, column) for column in measured)]
        labels += [value for value in unknown if label is not None and _rows(value, label)]
        foreign += [value for value in unknown if label is None or not _rows(value, label)]
        for place, column in enumerate(measured):
            if values and all(_rows(value, column) for value in values):
                moved += _moved(one, label, column)
                drawn.setdefault(place, set()).update(row for value in values for row in _rows(value, column))
                break
    rows = {place: sum(isinstance(cell, float) for cell in measured[place]) for place in drawn}
    return Finding(
        tuple(dict.fromkeys(foreign)),
        tuple(dict.fromkeys(labels)),
        tuple(dict.fromkeys(moved)),
        sum(map(len, drawn.values())),
        sum(rows.values()),
    )


def _label(series: Sequence[Series], columns: Sequence[Cells]) -> Cells | None:
    """The column that says what the rows are about: the one along whose values the chart is drawn, else the first with
    another year in each row. Where there is one column, it holds values."""
    if len(columns) < 2:
        return None
    for column in columns:
        if any(one.places and all(_rows(place, column) for place in one.places) for one in series):
            return column
    for column in columns:
        if len(set(column)) == len(column) and all(isinstance(cell, float) and cell in YEARS for cell in column):
            return column
    return None


def _moved(one: Series, label: Cells | None, column: Cells) -> list[float]:
    """Of values that stand in the column, those of another row."""
    pairs = list(zip(one.places, one.values, strict=False))
    if label is None or not all(_rows(place, label) for place, _ in pairs):
        return []
    return [v for place, v in pairs if math.isfinite(v) and not _rows(place, label) & _rows(v, column)]


def _rows(value: float, column: Cells) -> set[int]:
    """Where the value stands."""
    near = (
        math.isclose(value, cell, rel_tol=NEAR, abs_tol=NEAR) if isinstance(cell, float) else False for cell in column
    )
    return {row for row, same in enumerate(near) if same}


def _cell(text: str) -> float | str | None:
    if text == "NULL":
        return None
    return float(text.replace(",", "").replace("−", "-")) if _NUMBER.fullmatch(text) else text


def _listed(values: Sequence[float]) -> str:
    more = f" and {len(values) - MOST_TOLD} more" if len(values) > MOST_TOLD else ""
    return ", ".join(f"{value:.12g}" for value in values[:MOST_TOLD]) + more
