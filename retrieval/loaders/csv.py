"""CSV and TSV: the dialect is what makes rows of one length; the rows become a table that repeats its header."""

from __future__ import annotations

import csv
import re
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import Final, Literal

from retrieval.base import Parsed
from retrieval.loaders.decode import decode
from retrieval.loaders.grid import Row, grid

DELIMITERS: Final = (",", ";", "\t", "|")
_SAMPLE: Final = 200
"""Records that the dialect is judged by."""
_NOTES: Final = 10
# What Excel writes, and reads, above a file whose separator is not the local one.
LEAST_FIELD: Final = 131_072
"""Characters that a field may have in Python if nobody says otherwise."""
_HINT: Final = re.compile(r"sep=([,;\t|])\n", re.I)


def load_csv(path: Path, filename: str, media_type: str) -> Parsed:
    """Return the rows as `| a | b |` under their header row (see `grid`). Text without columns stays as it stands."""
    text = decode(path.read_bytes(), filename)
    rows = _all_rows(text, "\t" if media_type == "text/tab-separated-values" else ",")
    if rows is None:
        return Parsed(text=text, media_type=media_type)
    return Parsed(text=grid(rows) or text, media_type=media_type)


def csv_rows(path: Path, filename: str, preferred: str) -> Iterator[Sequence[str]]:
    """The cells as they stand; of a text without columns its lines. `preferred`: a delimiter. Raises LoadFailed."""
    text = decode(path.read_bytes(), filename)
    rows = _all_rows(text, preferred)
    yield from ([line] for line in text.split("\n")) if rows is None else (row.cells for row in rows)


def _all_rows(text: str, preferred: str) -> Iterator[Row] | None:
    """None: there are no columns."""
    hint = _HINT.match(text)
    delimiter = hint[1] if hint else _delimiter(text, preferred)
    if delimiter is None:
        return None
    # The line of the hint keeps its number and has no cells.
    return _rows(text[hint.end() :] if hint else text, delimiter, 2 if hint else 1)


def _delimiter(text: str, preferred: str) -> str | None:
    """The one that cuts most records into the same number of cells, at least two; None if none does so for half."""
    best = (0.0, 0)
    found = None
    for delimiter in sorted(DELIMITERS, key=lambda one: one != preferred):
        records = islice(_records(text, delimiter), _SAMPLE)
        widths = Counter(len(cells) for cells in records if any(cells))
        wide = [(count, width) for width, count in widths.items() if width > 1 < count]
        if not wide:
            continue
        count, width = max(wide)
        # Rows of one cell may be a title or notes around the table: not half of it, but no mark of a dialect either.
        everything = sum(widths.values())
        rated = (count / everything, width)
        if count / (everything - min(widths[1], _NOTES)) >= 0.5 and rated > best:
            best, found = rated, delimiter
    return found


def _records(text: str, delimiter: str, quoting: Literal[0, 3] = csv.QUOTE_MINIMAL) -> Iterator[list[str]]:
    # The limit is the process's: others read CSV too, and must not find less than Python gives them.
    csv.field_size_limit(max(LEAST_FIELD, len(text)))
    return csv.reader(StringIO(text), delimiter=delimiter, quoting=quoting)


def _rows(text: str, delimiter: str, first: int) -> Iterator[Row]:
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if _closes(text, delimiter) else csv.QUOTE_NONE
    for number, cells in enumerate(_records(text, delimiter, quoting), start=first):
        yield Row(number, cells)


def _closes(text: str, delimiter: str) -> bool:
    """Whether the last quote is closed; one that is not would make one cell of the rest, and is a plain character."""
    end = "the end"
    last = deque(_records(f"{text}\n{end}", delimiter), maxlen=1)
    return last[0] == [end]
