"""A picture with one pair of axes, the same bytes for the same figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def figure(path: Path, across: str, up: str, *, size: tuple[float, float] = (6.4, 4.0)) -> Iterator[Any]:
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": "sandtable"}):
        made = Figure(figsize=size, layout="constrained")
        axes = made.subplots()
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        axes.grid(alpha=0.3)
        yield axes
        # Without a date: a picture that changes says that a figure did.
        made.savefig(path, dpi=120, metadata={"Date": None} if path.suffix == ".svg" else None)
