"""Reading the board of a mini crossword out of an answer, letter by letter; nothing of it is evaluated."""

from __future__ import annotations

import re
import unicodedata

from agents.tasks.grids import SIZE, Board

_LABEL = re.compile(r"^\s*(?:[-*>]\s+|h?[1-5][.):]\s*)")
_ROW = re.compile(r"[^\W\d]|[_.?■#]")
_FILLING = re.compile(r"[\s|,;`*\-]+")


def read_board(answer: str) -> Board | None:
    """The last five rows of five letters one below the other, or five words of five letters in one line; `_` for a
    letter that is left open. None if there is neither."""
    text = unicodedata.normalize("NFKC", answer)
    found: list[str] = []
    for line in text.splitlines():
        row = _row(_LABEL.sub("", line))
        if row:
            found.append(row)
        elif line.strip(" |-+`") and len(found) < SIZE:
            found = []
    if len(found) >= SIZE:
        return Board("".join(found[-SIZE:]))
    for line in reversed(text.splitlines()):
        words = [word for word in _FILLING.split(line.strip().rstrip(".。")) if word][-SIZE:]
        letters = [_row(word) for word in words]
        if len(letters) == SIZE and all(letters):
            return Board("".join(letters))
    return None


def _row(text: str) -> str:
    """Five letters in upper case; empty if the text is anything else."""
    cells = _FILLING.sub("", text)
    if len(cells) != SIZE or not all(_ROW.fullmatch(cell) for cell in cells):
        return ""
    return "".join(cell.upper() if cell.isalpha() else "_" for cell in cells)
