"""Figures of matplotlib that code left open become files, as in a notebook. Runs inside the sandbox.

One that the code saved itself is not saved again.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
import warnings
from typing import Any

MOST = 20
"""Of one cell."""
GLYPH = re.compile(r"Glyph (\d+) .*missing from")


class Figures:
    """Of one session. Does nothing where code never uses matplotlib."""

    def __init__(self) -> None:
        self._saved: set[int] = set()
        self._number = 0
        self._missing: dict[str, None] = {}
        """Characters that no font has, in the order in which they were met."""
        self._show = warnings.showwarning
        self._hooked = False

    def hook(self) -> None:
        """Once, before the first cell."""
        plot = sys.modules.get("matplotlib.pyplot")
        if plot is None or self._hooked:
            return
        self._hooked = True
        figure_class: Any = sys.modules["matplotlib.figure"].Figure
        save = figure_class.savefig

        def saving(figure: Any, *given: Any, **named: Any) -> Any:
            self._saved.add(id(figure))
            return save(figure, *given, **named)

        figure_class.savefig = saving
        warnings.showwarning = self._warn
        plot.show = lambda *_given, **_named: self.save()  # type: ignore[attr-defined]

    def save(self) -> None:
        """Save what is open, and close it."""
        plot: Any = sys.modules.get("matplotlib.pyplot")
        if plot is None:
            return
        for number in plot.get_fignums()[:MOST]:
            figure = plot.figure(number)
            if id(figure) not in self._saved:
                self._number += 1
                while os.path.exists(name := f"figure-{self._number}.png"):
                    self._number += 1
                figure.savefig(name)
        plot.close("all")
        self._saved.clear()

    def notes(self) -> list[str]:
        """What there is to say of the figures since the last time."""
        missing, self._missing = "".join(self._missing), {}
        if not missing:
            return []
        shown = missing[:20] + ("…" if len(missing) > 20 else "")
        return [
            f"No font here has {shown}: these characters are empty boxes in the figure. Label it in Latin letters, or "
            "have a font installed where the service runs (Debian: fonts-noto-cjk; anywhere: pip install mplfonts)."
        ]

    def _warn(self, message: Any, *given: Any, **named: Any) -> None:
        if found := GLYPH.match(str(message)):
            with contextlib.suppress(ValueError, OverflowError):
                self._missing[chr(int(found[1]))] = None
        else:
            self._show(message, *given, **named)
