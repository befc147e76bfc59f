"""Rows of cells as text: a long table is cut in blocks, and each says again what its columns are.

A block is a heading with the rows' numbers, the header row, and as many rows as go with them into one chunk. A row that
would not fit into one is written as a record, a line for each of its cells.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from retrieval.header_rows import is_figure, names_columns
from retrieval.scripts import CJK

ROOM: Final = 190
"""Estimated tokens of a block, header row included: three quarters of the 254 of a chunk, as the estimate is rough."""

_TOKEN: Final = re.compile(rf"[{CJK}]|\d+|[^\W\d_{CJK}]+|[^\w\s]")
_SPACE: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Row:
    number: int
    """As a spreadsheet numbers it."""
    cells: Sequence[str]
    spans: bool = False
    """Some of its cells are merged across columns, their value repeated in each."""


def grid(rows: Iterable[Row], name: str = "") -> str:
    """Return the text of a table, or of several with empty rows between them; `name`: of the sheet. Linear."""
    writer = _Writer(name)
    for row, following in _pairs(Row(row.number, _clean(row.cells), row.spans) for row in rows):
        writer.take(row, following)
    return writer.text()


def weight(text: str) -> int:
    """About how many tokens the bundled embedder's tokenizer makes of `text`."""
    return sum(1 + (len(found) - 1) // (2 if found.isdigit() else 5) for found in _TOKEN.findall(text))


def _clean(cells: Sequence[str]) -> list[str]:
    cleaned = [_SPACE.sub(" ", cell).strip() for cell in cells]
    while cleaned and not cleaned[-1]:
        cleaned.pop()
    return cleaned


def _pairs(rows: Iterator[Row]) -> Iterator[tuple[Row, Row | None]]:
    """Each row with the next one."""
    before = next(rows, None)
    for row in rows:
        assert before is not None
        yield before, row
        before = row
    if before is not None:
        yield before, None


@dataclass
class _Writer:
    name: str
    done: list[str] = field(default_factory=list)
    header: list[str] | None = None
    lines: list[str] = field(default_factory=list)
    """Of the block under way, or of text between tables."""
    taken: int = 0
    first: int = 0
    last: int = 0
    in_table: bool = False
    blank: bool = True
    """The row before was empty, or there was none."""
    cut: bool = False
    """The table under way has blocks already."""
    joined: bool = False
    """This row went into the header of the one before."""

    def take(self, row: Row, following: Row | None) -> None:
        if self.joined:
            self.joined = False
        elif not row.cells:
            self._end_text()
            self.blank = True
        elif self.in_table and not (self.blank and _opens(row, following)):
            self._row(row)
            self.blank = False
        else:
            self._outside(row, following)
            self.blank = False

    def text(self) -> str:
        self._end_table()
        self._end_text()
        heading = [f"# {self.name}"] if self.name and self.done else []
        return "\n\n".join([*heading, *self.done])

    def _outside(self, row: Row, following: Row | None) -> None:
        """A row before a table, or the first of a new one."""
        self._end_table()
        if len(set(filter(None, row.cells))) < 2:
            self.lines.append(next(filter(None, row.cells)))
            return
        self._end_text()
        self.in_table, self.cut, self.header = True, False, None
        if not names_columns(row.cells):
            self._row(row)
            return
        self.header = list(row.cells)
        self.first = self.last = row.number
        if row.spans and following is not None and following.cells and names_columns(following.cells):
            self.header, self.joined = _both(row.cells, following.cells), True
            self.last = following.number

    def _row(self, row: Row) -> None:
        header = self.header or []
        line = _line(row.cells)
        heavy, own = weight(_line(header)) if header else 0, weight(line)
        if header and (heavy + own > ROOM or heavy > 0.4 * ROOM):
            self._end_block()
            self.done.append(self._record(row, header))
            self.cut = True
            return
        if self.lines and self.taken + own > ROOM:
            self._end_block()
        if not self.lines:
            self.taken, self.first = heavy, row.number
        self.lines.append(line)
        self.taken += own
        self.last = row.number

    def _record(self, row: Row, header: Sequence[str]) -> str:
        names = [*header, *("" for _ in row.cells[len(header) :])]
        cells = [f"- {names[n] or f'column {n + 1}'}: {cell}" for n, cell in enumerate(row.cells) if cell]
        return "\n".join([self._heading(f"row {row.number}"), *cells])

    def _heading(self, rows: str) -> str:
        return f"## {self.name}, {rows}" if self.name else f"## {rows.capitalize()}"

    def _end_block(self, *, last: bool = False) -> None:
        if not self.lines and not (last and self.header and not self.cut):
            return
        rows = f"rows {self.first}-{self.last}" if self.last > self.first else f"row {self.first}"
        heading = [] if last and not self.cut else [self._heading(rows)]
        header = [_line(self.header)] if self.header else []
        self.done.append("\n".join([*heading, *header, *self.lines]))
        self.lines, self.cut = [], True

    def _end_text(self) -> None:
        if not self.in_table and self.lines:
            self.done.append("\n".join(self.lines))
            self.lines = []

    def _end_table(self) -> None:
        if self.in_table:
            self._end_block(last=True)
            self.in_table = False


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _both(upper: Sequence[str], lower: Sequence[str]) -> list[str]:
    """Two header rows as one: `2022 Q1`."""
    width = max(len(upper), len(lower))
    pairs = zip([*upper, *[""] * (width - len(upper))], [*lower, *[""] * (width - len(lower))], strict=True)
    return [above if above == below else f"{above} {below}".strip() for above, below in pairs]


def _opens(row: Row, following: Row | None) -> bool:
    """Whether a row behind an empty one begins another table: it names columns, and figures follow; or stands alone."""
    if following is None or not following.cells:
        return len(set(filter(None, row.cells))) < 2
    if len(set(filter(None, row.cells))) < 2:
        return True
    return names_columns(row.cells) and any(is_figure(cell) for cell in following.cells)
