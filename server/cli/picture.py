"""Pictures of figures, by matplotlib, which is an extra."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from server.cli.failure import CommandFailed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SUFFIXES = (".png", ".svg")


def check_name(path: Path | None) -> None:
    """Raises UsageError."""
    if path is not None and path.suffix not in SUFFIXES:
        raise click.UsageError(f"--plot: {path.name!r} ends in neither {' nor '.join(SUFFIXES)}")


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
        message = "--plot needs matplotlib: pip install 'sandtable[plot]'"
        raise CommandFailed(message, type="missing_extra", code="missing_extra") from None
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def intervals(means: Sequence[float], lows: Sequence[float], highs: Sequence[float]) -> list[list[float]]:
    """As matplotlib takes them: lengths below and above, which rounding must not make negative."""
    below = [max(0.0, mean - low) for mean, low in zip(means, lows, strict=True)]
    return [below, [max(0.0, high - mean) for mean, high in zip(means, highs, strict=True)]]
