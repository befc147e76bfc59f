"""Files to tables of SQLite: rows and types of CSV and Excel, and SQLite's own files beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from retrieval.errors import LoadFailed
from retrieval.header_rows import is_figure

if TYPE_CHECKING:
    from tools.sql_database import Database

INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9]\d{0,17})")
REAL: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?")
GROUPED: Final = re.compile(r"[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
MOST_COLUMNS: Final = 1000
MOST_CELLS: Final = 20_000_000
ABOVE: Final = 20
"""Rows in which the header is looked for, below titles and notes."""

Cell = str | int | float | None


@dataclass(frozen=True)
class TableRows:
    name: str
    columns: Sequence[str]
    rows: Iterable[Sequence[Cell]]
    source: str
    typed: bool
    """Whether the cells have the types of their values already."""


def read_tables(path: Path, filename: str) -> Iterator[TableRows]:
    """Raises LoadFailed."""
    pure = PurePosixPath(filename)
    if pure.suffix.lower() in (".xlsx", ".xlsm"):
        yield from _sheets(path, filename)
        return
    from retrieval.loaders.csv import csv_rows

    rows = csv_rows(path, filename, "\t" if pure.suffix.lower() == ".tsv" else ",")
    columns, rest = _headed([cell.strip() for cell in row] for row in rows)
    yield TableRows(_name(pure.stem), columns, rest, filename, typed=False)


def _sheets(path: Path, filename: str) -> Iterator[TableRows]:
    import warnings

    import openpyxl

    from retrieval.loaders.office import DAMAGE, EXCEL, check_package, damaged

    check_package(path, filename, EXCEL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            for sheet in book.worksheets:
                sheet.reset_dimensions()
                columns, rest = _headed([_cell(value) for value in row] for row in sheet.iter_rows(values_only=True))
                if columns:
                    yield TableRows(_name(sheet.title), columns, rest, f"{filename}, sheet {sheet.title}", typed=True)
    except DAMAGE as error:
        raise damaged(filename, EXCEL, error) from error


def _cell(value: Any) -> Cell:
    match value:
        case bool():
            return int(value)
        case None | int() | float() | str():
            return value.strip() if isinstance(value, str) else value
        case datetime():
            return value.date().isoformat() if value.time() == time() else value.isoformat(" ", "seconds")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case _:
            return str(value)


def _headed(rows: Iterable[Sequence[Cell]]) -> tuple[list[str], Iterator[Sequence[Cell]]]:
    """The columns' names, and the rows below. The header is the first row that is as wide as the table."""
    source = iter(rows)
    top = [row for _, row in zip(range(ABOVE), source, strict=False)]
    filled = [sum(cell not in (None, "") for cell in row) for row in top]
    if not any(filled):
        return [], iter(())
    # More than half of the widest: some columns of a header may have no name.
    place = next(n for n, count in enumerate(filled) if count * 2 > max(filled))
    width = max(len(row) for row in top)
    head = [str(cell or "").strip() for cell in top[place]]
    names_there = not all(is_figure(cell) for cell in head if cell)
    below = top[place + 1 :] if names_there else top[place:]
    return _columns(head if names_there else [], width), chain(below, source)


def _columns(head: Sequence[str], width: int) -> list[str]:
    """Every column has a name of its own; SQLite tells names apart without their case."""
    found: list[str] = []
    taken: set[str] = set()
    for n in range(min(max(width, len(head)), MOST_COLUMNS)):
        name = " ".join((head[n] if n < len(head) else "").replace('"', "'").split())[:100] or f"column_{n + 1}"
        unique, number = name, 2
        while unique.casefold() in taken:
            unique, number = f"{name}_{number}", number + 1
        taken.add(unique.casefold())
        found.append(unique)
    return found


def _name(text: str) -> str:
    """A word that needs no quotes, in any script."""
    name = re.sub(r"\W+", "_", text).strip("_")[:60] or "table_1"
    return f"t_{name}" if name[0].isdigit() or name.lower().startswith("sqlite_") else name


def load_rows(database: Database, table: TableRows) -> None:
    """Raises LoadFailed."""
    if not table.columns:
        raise LoadFailed("it holds no rows", "empty_file")
    name, width = database.new_name(table.name), len(table.columns)
    columns = ", ".join(f'"{column}"' for column in table.columns)
    database.connection.execute(f'CREATE TABLE "{name}" ({columns})')
    marks, cells = ", ".join("?" * width), 0
    insert = f'INSERT INTO "{name}" VALUES ({marks})'
    kinds = [_Kind() for _ in table.columns]

    def fitted() -> Iterator[list[Cell]]:
        nonlocal cells
        for row in table.rows:
            values: list[Cell] = [None if cell == "" else cell for cell in row[:width]]
            values += [None] * (width - len(values))
            if all(value is None for value in values):
                continue
            cells += width
            if cells > MOST_CELLS:
                raise LoadFailed(f"it has more than {MOST_CELLS:,} cells; split it", "file_too_large")
            if not table.typed:
                for kind, value in zip(kinds, values, strict=True):
                    kind.see(value)
            yield values

    database.connection.executemany(insert, fitted())
    if not table.typed:
        changes = [(column, kind.cast(column)) for column, kind in zip(table.columns, kinds, strict=True)]
        if sets := ", ".join(f'"{column}" = {cast}' for column, cast in changes if cast):
            database.connection.execute(f'UPDATE "{name}" SET {sets}')
    database.sources[name] = table.source


class _Kind:
    """What all values of a column are."""

    def __init__(self) -> None:
        self._left = {"INTEGER": INTEGER, "REAL": REAL, "GROUPED": GROUPED}
        self._some = False

    def see(self, value: Cell) -> None:
        if value is None or not self._left:
            return
        self._some, text = True, str(value)
        for kind in [*self._left]:
            # In a column with 1,234 there may stand 12 as well.
            plain = kind == "GROUPED" and REAL.fullmatch(text) and not text.startswith("0")
            if not (self._left[kind].fullmatch(text) or plain):
                del self._left[kind]
        if re.fullmatch(r"[-+]?0\d+.*", text):
            self._left.clear()  # A number that begins with 0 is a code, and loses it as a number.

    def cast(self, column: str) -> str:
        kind = next(iter(self._left), "") if self._some else ""
        if kind == "GROUPED":
            return f"""CAST(replace("{column}", ',', '') AS NUMERIC)"""
        return f'CAST("{column}" AS {kind})' if kind else ""


def attach(database: Database, path: Path, filename: str) -> None:
    """Raises sqlite3.DatabaseError."""
    schema = database.new_name(_name(PurePosixPath(filename).stem))
    # Immutable: no journal is looked for beside it, and none of another file is applied to it.
    place = f"file:{quote(str(path))}?mode=ro&immutable=1"
    database.connection.execute("PRAGMA trusted_schema = OFF")
    database.connection.execute(f'ATTACH DATABASE ? AS "{schema}"', (place,))
    database.connection.execute(f'SELECT count(*) FROM "{schema}".sqlite_master').fetchone()
    database.schemas[schema] = filename
