"""Excel workbooks: every sheet with its name, cells as they are shown, row by row to need little memory."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from retrieval.base import Parsed
from retrieval.errors import LoadFailed
from retrieval.loaders.grid import Row, grid
from retrieval.loaders.numbers import shown
from retrieval.loaders.office import DAMAGE, EXCEL, check_package, damaged

_MERGED: Final = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?ref="([A-Z]{1,3}\d{1,7}:[A-Z]{1,3}\d{1,7})"')
_FORMULA: Final = re.compile(rb"<(?:\w+:)?f[\s>/]")
_BLOCK: Final = 1 << 20
_TAIL: Final = 200
"""Bytes of a block that are looked at again with the next one."""
_MOST_MERGED: Final = 100_000

Area = tuple[int, int, int, int]
"""Of merged cells: first row, first column, last row, last column, from 1."""


def load_xlsx(path: Path, filename: str, media_type: str) -> Parsed:
    """Return the sheets in order, each a heading and its rows (see `grid`). A formula shows the value that was saved
    with it, or itself if none was; merged cells say their value in each row; hidden sheets are read too.
    """
    import openpyxl
    from openpyxl.utils.exceptions import InvalidFileException

    check_package(path, filename, EXCEL)
    try:
        with path.open("rb") as file, warnings.catch_warnings():
            # What openpyxl cannot keep when it writes (extensions, print settings) is nothing to a reader.
            warnings.simplefilter("ignore")
            values = openpyxl.load_workbook(file, read_only=True, data_only=True)
            formulas = cache(lambda: openpyxl.load_workbook(file, read_only=True))
            sheets = [grid(_rows(sheet, formulas), " ".join(sheet.title.split())) for sheet in values.worksheets]
            title = (values.properties.title or "").strip()
    except (InvalidFileException, *DAMAGE) as error:
        raise damaged(filename, EXCEL, error) from error
    text = "\n\n".join(filter(None, sheets))
    if not text:
        raise LoadFailed(f"{filename!r} is empty: its {len(sheets)} sheets hold no values", "empty_file")
    return Parsed(text=text, title=title, media_type=media_type)


def _rows(sheet: Any, formulas: Callable[[], Any]) -> Iterator[Row]:
    """`sheet` with the values; `formulas` gives the book with the formulas, read beside it only if there are any."""
    merged, calculates = _survey(sheet)
    others = _unsized(formulas()[sheet.title]) if calculates else None
    running: list[tuple[Area, str]] = []
    for number, cells in enumerate(_unsized(sheet), start=1):
        texts = [_text(cell) for cell in cells]
        if others is not None:
            for n, cell in enumerate(next(others, ())):
                if cell.value is not None and n < len(texts) and not texts[n]:
                    texts[n] = _formula(cell.value)
        running = [(area, value) for area, value in running if area[2] >= number]
        running += [(area, "".join(texts[area[1] - 1 : area[1]])) for area in merged.get(number, ())]
        spans = _fill(texts, running) if running else False
        yield Row(number, texts, spans)


def _unsized(sheet: Any) -> Iterator[Any]:
    """The size that a file states is often wrong, and a row is never longer than its last cell."""
    sheet.reset_dimensions()
    rows: Iterator[Any] = sheet.iter_rows()
    return rows


def _text(cell: Any) -> str:
    value = cell.value
    # Looking up a cell's format takes longer than all the rest, and only numbers have one that matters.
    return shown(value, cell.number_format if isinstance(value, int | float) else "")


def _formula(value: Any) -> str:
    """Of an array formula, openpyxl's object, the text."""
    return str(getattr(value, "text", value) or "")


def _fill(texts: list[str], areas: list[tuple[Area, str]]) -> bool:
    """Write the value of merged cells into each of this row's; whether one spans columns. One that spans the whole row
    is a title, said once.
    """
    spans = False
    for (_, left, _, right), value in areas:
        texts += [""] * (right - len(texts))
        texts[left - 1 : right] = [value] * (right - left + 1)
        spans = spans or (right > left and bool(value))
    title = areas[0][1]
    if spans and len(areas) == 1 and set(texts) <= {title, ""}:
        texts[:] = [title]
        return False
    return spans


def _survey(sheet: Any) -> tuple[dict[int, list[Area]], bool]:
    """The merged areas by their first row, and whether there are formulas: from the part's bytes, since both are needed
    before the first row, and areas stand behind the last one.
    """
    from openpyxl.utils.cell import range_boundaries

    archive: zipfile.ZipFile = sheet.parent._archive
    merged: dict[int, list[Area]] = {}
    calculates, count, before = False, 0, b""
    with archive.open(sheet._worksheet_path) as part:
        while block := part.read(_BLOCK):
            window = before + block
            calculates = calculates or _FORMULA.search(window) is not None
            found = list(_MERGED.finditer(window))
            for match in found:
                left, top, right, bottom = range_boundaries(match[1].decode())
                count += 1
                if count <= _MOST_MERGED and right - left < 200:
                    merged.setdefault(top, []).append((top, left, bottom, right))
            before = window[max(found[-1].end() if found else 0, len(window) - _TAIL) :]
    return merged, calculates
