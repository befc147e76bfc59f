"""Pictures of figures, by matplotlib, which is an extra."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from server.cli.failure import CommandFailed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg")


def check_plot(path: Path | None) -> None:
    """Raise UsageError, or CommandFailed, if no picture could be drawn there: before anything is measured for it."""
    if path is None:
        return
    if path.suffix not in SUFFIXES:
        raise click.UsageError(f"--plot: {path.name!r} ends in neither {' nor '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise click.UsageError(f"--plot: there is no folder {str(path.parent)!r}")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise click.UsageError(f"--plot: {str(path)!r} cannot be written")
    if find_spec("matplotlib") is None:
        raise _no_matplotlib()


def blank(width: float = 7, height: float = 4.5) -> tuple[Figure, Axes]:
    """A figure of so many inches, and its axes. Raises CommandFailed."""
    figure = canvas(width, height)
    return figure, figure.subplots()


def canvas(width: float, height: float) -> Figure:
    """A figure of so many inches, without axes. Raises CommandFailed."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise _no_matplotlib() from None
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _no_matplotlib() -> CommandFailed:
    message = "--plot needs matplotlib: pip install 'sandtable[plot]'"
    return CommandFailed(message, type="missing_extra", code="missing_extra")


def intervals(means: Sequence[float], lows: Sequence[float], highs: Sequence[float]) -> list[list[float]]:
    """As matplotlib takes them: lengths below and above, which rounding must not make negative."""
    below = [max(0.0, mean - low) for mean, low in zip(means, lows, strict=True)]
    return [below, [max(0.0, high - mean) for mean, high in zip(means, highs, strict=True)]]
