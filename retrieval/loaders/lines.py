"""Writes text as Markdown-like lines: what HTML and DOCX become. Knows neither format."""

from __future__ import annotations

import re
from typing import Final

_SPACE: Final = re.compile(r"[ \t\n\r\f\v]+")


class Lines:
    """Collects inline text and block boundaries; white space is collapsed except inside a fence.

    Inside a table of data, boundaries within a cell become spaces, so that a row stays one line.
    """

    def __init__(self) -> None:
        self._done: list[str] = []
        self._line: list[str] = []
        self._mark = ""
        self._tables: list[bool] = []
        self._cells: list[str] | None = None
        self._fenced = False

    def write(self, text: str) -> None:
        self._line.append(text if self._fenced else _SPACE.sub(" ", text))

    def mark(self, mark: str) -> None:
        """Put `mark` before the next text of this block; without text it is dropped."""
        if not self._in_row:
            self._mark = mark

    def end_line(self) -> None:
        if self._in_row:
            self._line.append(" ")
        elif self._fenced:
            self._line.append("\n")
        else:
            self._flush()

    def end_block(self) -> None:
        self.end_line()
        if not self._in_row and not self._fenced and self._done and self._done[-1]:
            self._done.append("")

    def open_fence(self) -> None:
        self._fenced = not self._in_row

    def close_fence(self) -> None:
        if self._fenced:
            code = "".join(self._line).strip("\n")
            self._line, self._fenced, self._mark = [], False, ""
            if code.strip():
                self._done += ["```", code, "```"]
        self.end_block()

    def open_table(self, *, data: bool) -> None:
        """`data`: the table holds plain cells; a table that lays out a page is read as blocks."""
        self.end_block()
        self._tables.append(data)

    def close_table(self) -> None:
        if self._tables:
            self.close_row()
            self._tables.pop()
        self.end_block()

    def open_row(self) -> None:
        self.end_line()
        if self._tables and self._tables[-1]:
            self._cells = []

    def cell(self) -> None:
        if self._cells is None:
            self.end_line()
            return
        self._end_cell()

    def close_row(self) -> None:
        if self._cells is None:
            self.end_line()
            return
        self._end_cell()
        cells, self._cells = self._cells[1:] if self._cells and not self._cells[0] else self._cells, None
        if any(cells):
            self._done.append("| " + " | ".join(cells) + " |")

    def text(self) -> str:
        self.close_fence()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self._done)).strip("\n")

    @property
    def _in_row(self) -> bool:
        return self._cells is not None

    def _end_cell(self) -> None:
        if self._cells is not None:
            self._cells.append(_SPACE.sub(" ", "".join(self._line)).strip())
        self._line = []

    def _flush(self) -> None:
        line = _SPACE.sub(" ", "".join(self._line)).strip(" ")
        self._line = []
        if line:
            self._done.append(self._mark + line)
            self._mark = ""
