"""Which row of a table says what its columns are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

_FIGURE: Final = re.compile(
    r"[$€£¥]?\s?[-+(]?[$€£¥]?\d[\d,. ]*(?:[eE][-+]?\d+)?\)?\s?%?|\d{4}-\d\d-\d\d.*|\d\d?[/.]\d\d?[/.]\d{2,4}"
)
_YEAR: Final = re.compile(r"(?:1[89]|20|21)\d\d")


def is_figure(cell: str) -> bool:
    """A number, an amount, a share or a date."""
    return _FIGURE.fullmatch(cell) is not None


def names_columns(cells: Sequence[str]) -> bool:
    """Whether a row has names only: no figures but years, and none in front."""
    filled = [cell for cell in cells if cell]
    figures = [cell for cell in filled if is_figure(cell)]
    return len(filled) > 1 and not is_figure(filled[0]) and all(_YEAR.fullmatch(cell) for cell in figures)
