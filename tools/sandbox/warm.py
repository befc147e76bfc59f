"""What is loaded before any code comes, so that a session starts by a fork: numpy, pandas, matplotlib.

Runs in the sandbox's own process, whose environment says where matplotlib may keep its list of fonts.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
from dataclasses import asdict, dataclass
from typing import Any

LIBRARIES = ("numpy", "pandas", "matplotlib")
CJK_FONTS = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "Noto Sans CJK JP",
    "Noto Sans CJK TC", "Noto Sans CJK KR", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Microsoft YaHei", "SimHei",
    "PingFang SC", "Droid Sans Fallback", "AR PL UMing CN", "IPAexGothic", "NanumGothic", "Unifont",
)  # fmt: skip
"""Families that have Chinese glyphs at least, the best first."""
OFFLINE_FONTS = "mplfonts"
"""A package that brings Noto Sans CJK SC, for machines on which nobody installs fonts."""


@dataclass(frozen=True)
class Warm:
    missing: tuple[str, ...]
    """Of LIBRARIES."""
    cjk_font: str
    """Family with Chinese glyphs that figures fall back to; empty: there is none."""
    font_folder: str
    """Where that font lies."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def warm_up(load: bool) -> Warm:
    """`load`: false for a start that only wants to know whether the tier holds."""
    if not load:
        return Warm((), "", "")
    missing = []
    for name in LIBRARIES:
        try:
            importlib.import_module(name)
        except ImportError:
            missing.append(name)
    if "pandas" not in missing:
        pandas = importlib.import_module("pandas")
        # The first use of each loads modules of its own.
        repr(pandas.DataFrame({"a": [1.5]}).groupby("a").size())
    font, folder = ("", "") if "matplotlib" in missing else _figures()
    return Warm(tuple(missing), font, folder)


def _figures() -> tuple[str, str]:
    matplotlib, plot = importlib.import_module("matplotlib"), importlib.import_module("matplotlib.pyplot")
    font, folder = _cjk_font()
    if font:
        # Glyph by glyph: Latin text stays as it is everywhere.
        matplotlib.rcParams["font.family"] = ["DejaVu Sans", font]
    figure = plot.figure()
    plot.plot([1, 2], label="a")
    plot.legend()
    figure.savefig(io.BytesIO())
    plot.close(figure)
    return font, folder


def _cjk_font() -> tuple[str, str]:
    from pathlib import Path

    manager = importlib.import_module("matplotlib.font_manager")
    # Found without being imported: it brings commands and dependencies that nobody needs here.
    brought = importlib.util.find_spec(OFFLINE_FONTS)
    for place in (brought.submodule_search_locations or ()) if brought is not None else ():
        for path in sorted(Path(place, "fonts").glob("*CJK*")):
            manager.fontManager.addfont(path)
    by_family = {entry.name: entry.fname for entry in manager.fontManager.ttflist}
    found = next((family for family in CJK_FONTS if family in by_family), "")
    return (found, str(Path(by_family[found]).parent)) if found else ("", "")
