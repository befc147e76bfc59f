"""What a chart shows, read off the chart itself: so that it can be compared with the figures that it was drawn from."""

from __future__ import annotations

import json

from pydantic import BaseModel, ConfigDict

MARK = "chart shows: "
"""Before what `READ_OFF` prints, on a line of its own."""
MOST_POINTS = 2_000

READ_OFF = f"""
def _read_off():
    import json, sys
    pyplot = sys.modules.get("matplotlib.pyplot")
    if not pyplot:
        return
    shown, drawn = [], False

    def seen(artist):
        return artist.get_visible() and artist.get_alpha() != 0

    for number in pyplot.get_fignums():
        figure = pyplot.figure(number)
        if not any(axes.has_data() for axes in figure.axes):
            pyplot.close(number)  # Nobody is given an empty page.
            continue
        drawn = True
        for axes in figure.axes:
            for line in filter(seen, axes.lines):
                shown.append((line.get_label(), line.get_ydata(orig=False), line.get_xdata(orig=False)))
            known = set()
            for bars in axes.containers:
                known.update(map(id, bars))
                if hasattr(bars, "orientation") and all(map(seen, bars)):
                    if bars.orientation == "horizontal":
                        read = [(b.get_width(), b.get_y() + b.get_height() / 2) for b in bars]
                    else:
                        read = [(b.get_height(), b.get_x() + b.get_width() / 2) for b in bars]
                    shown.append((bars.get_label(), [one[0] for one in read], [one[1] for one in read]))
            for dots in filter(seen, axes.collections):
                if type(dots).__name__ == "PathCollection" and len(dots.get_offsets()):
                    shown.append((dots.get_label(), *zip(*((p[1], p[0]) for p in dots.get_offsets()))))
                else:
                    shown.append((type(dots).__name__, [], []))
            rest = [one for one in (*axes.patches, *axes.images) if id(one) not in known and seen(one)]
            shown.extend((type(one).__name__, [], []) for one in rest[:1])

    def numbers(values):
        return [float(value) for value in values][:{MOST_POINTS}]

    if drawn:
        told = [{{"label": str(label), "values": numbers(v), "places": numbers(p)}} for label, v, p in shown]
        print("\\n{MARK}" + json.dumps(told))
_read_off()
del _read_off
"""
"""Python to run after the code that drew, in the same place, before its figures are closed."""


class Series(BaseModel):
    """The values of a line, of bars, or of dots; none of what is drawn otherwise, which nobody can read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str
    values: tuple[float, ...]
    """What is measured."""
    places: tuple[float, ...] = ()
    """Where along the other axis each stands."""


def shown(output: str) -> tuple[str, tuple[Series, ...] | None]:
    """What the code printed without the line of `READ_OFF`, and what the chart shows: nothing if that is no such
    list; None if no figure was open, or all were empty."""
    lines = output.splitlines()
    told = [line for line in lines if line.startswith(MARK)]
    rest = "\n".join(line for line in lines if not line.startswith(MARK)).strip()
    if not told:
        return rest, None
    try:
        return rest, tuple(Series.model_validate(one) for one in json.loads(told[-1].removeprefix(MARK)))
    except (ValueError, TypeError):  # The code may print what it likes.
        return rest, ()
