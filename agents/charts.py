"""What a chart shows, read off the chart itself: so that it can be compared with the figures that it was drawn from."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from agents.events import Validated

if TYPE_CHECKING:
    from agents.run import Run

MARK = "chart shows: "
"""Before what `READ_OFF` prints, on a line of its own."""
MOST_POINTS = 2_000
NEAR = 1e-6
"""Relative difference up to which two numbers are the same: floats go through text on the way."""
_NUMBER = re.compile(r"(?<![\w.])[-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w])")

READ_OFF = f"""
def _read_off():
    import json, sys
    pyplot = sys.modules.get("matplotlib.pyplot")
    shown = []
    for number in pyplot.get_fignums() if pyplot else ():
        for axes in pyplot.figure(number).axes:
            for line in axes.lines:
                shown.append((line.get_label(), line.get_ydata()))
            for bars in axes.containers:
                if hasattr(bars, "orientation"):
                    wide = bars.orientation == "horizontal"
                    shown.append((bars.get_label(), [b.get_width() if wide else b.get_height() for b in bars]))
            for dots in axes.collections:
                if hasattr(dots, "get_offsets") and len(dots.get_offsets()):
                    shown.append((dots.get_label(), [point[1] for point in dots.get_offsets()]))
    told = [{{"label": str(label), "values": [float(v) for v in values][:{MOST_POINTS}]}} for label, values in shown]
    if pyplot and pyplot.get_fignums():
        print("\\n{MARK}" + json.dumps(told))
_read_off()
del _read_off
"""
"""Python to run after the code that drew, in the same place, before its figures are closed."""


class Series(BaseModel):
    """The values of a line, of bars, or of dots: what is measured, not where along the axis it stands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    values: tuple[float, ...]


def shown(output: str) -> tuple[str, tuple[Series, ...] | None]:
    """What the code printed without the line of `READ_OFF`, and what the chart shows: nothing if that cannot be read
    off such a chart; None if no figure was open."""
    lines = output.splitlines()
    told = [line for line in lines if line.startswith(MARK)]
    rest = "\n".join(line for line in lines if not line.startswith(MARK)).strip()
    if not told:
        return rest, None
    try:
        return rest, tuple(Series.model_validate(one) for one in json.loads(told[-1].removeprefix(MARK)))
    except (ValueError, TypeError):  # The code may print what it likes.
        return rest, ()


def strangers(series: Sequence[Series], rows: str) -> list[float]:
    """The values of the chart that do not stand among the numbers of `rows`."""
    numbers = sorted(float(found.replace(",", "").replace("−", "-")) for found in _NUMBER.findall(rows))
    values = dict.fromkeys(value for one in series for value in one.values if math.isfinite(value))
    return [value for value in values if not any(math.isclose(value, n, rel_tol=NEAR, abs_tol=NEAR) for n in numbers)]


def compare(run: Run, series: Sequence[Series], figures: str) -> None:
    """Tell whether the chart shows what the query gave, and nothing else."""
    if not series:
        run.warn("chart_unchecked", "the values of such a chart cannot be read off it, so nothing compares them")
        return
    foreign = strangers(series, figures)
    values = ", ".join(f"{value:.12g}" for value in foreign[:10])
    message = f"values that the query did not give: {values}" if foreign else "every value is one that the query gave"
    run.emit(Validated, what="chart", ok=not foreign, message=message)
    if foreign:
        run.warn("chart_differs", f"the chart shows {message}")
