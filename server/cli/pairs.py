"""Question-answer pairs for `knn`: each row of a CSV, TSV or JSON lines file becomes a document of its own.

Its text is the question, its attribute `answer` the answer: what a search compares is the question alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from server.cli.paths import Found, Local

QUESTION = ("question", "query", "text")
ANSWER = ("answer", "answers")
LONGEST = 512
"""Characters of an attribute."""
LARGEST = 64 * 2**20


class BadPairs(Exception):
    """A file that is no list of pairs (names the row and what it lacks)."""


def spread(found: Found, folder: Path) -> Found:
    """A file in `folder` for every pair; named by its own file and its `id`, or its row. Raises BadPairs."""
    files: list[Local] = []
    for local in found.files:
        names = set[str]()
        for row, values in _rows(local.path):
            question, answer = _pair(values, f"{local.path}, row {row}")
            name = f"{local.name}/{str(values.get('id') or values.get('_id') or row).replace('/', '_')[:100]}.txt"
            if name in names:
                raise BadPairs(f"{local.path}, row {row}: its id is that of an earlier row")
            names.add(name)
            path = folder / f"{len(files)}.txt"
            path.write_text(question, "utf-8")
            files.append(Local(path, name, {"answer": answer}))
    return Found(tuple(files), found.skipped, found.clashes)


def _pair(values: Mapping[str, Any], where: str) -> tuple[str, str]:
    question = next((str(values[key]).strip() for key in QUESTION if values.get(key)), "")
    given = next((values[key] for key in ANSWER if values.get(key) not in (None, "", [])), "")
    answer = str(given[0] if isinstance(given, list) else given).strip()
    if not question or not answer:
        lacking = "question" if not question else "answer"
        raise BadPairs(f"{where}: it has no {lacking!r}; a row needs `question` and `answer` (or a list `answers`)")
    if len(answer) > LONGEST:
        raise BadPairs(f"{where}: its answer has {len(answer)} characters, an attribute takes {LONGEST}")
    return question, answer


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows with their numbers, which count from 1 without the header."""
    if path.stat().st_size > LARGEST:
        raise BadPairs(f"{path}: it has more than {LARGEST // 2**20} MB; split it")
    if path.suffix.lower() in (".csv", ".tsv"):
        yield from _table(path)
    elif path.suffix.lower() in (".jsonl", ".ndjson"):
        yield from _lines(path)
    else:
        raise BadPairs(f"{path}: pairs are read from .csv, .tsv and .jsonl files")


def _table(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    from retrieval.errors import LoadFailed
    from retrieval.loaders.csv import csv_rows

    try:
        rows = csv_rows(path, path.name, "\t" if path.suffix.lower() == ".tsv" else ",")
        header: Sequence[str] = [cell.strip().casefold() for cell in next(rows, ())]
        for number, cells in enumerate(rows, start=1):
            if any(cell.strip() for cell in cells):
                yield number, dict(zip(header, cells, strict=False))
    except LoadFailed as error:
        raise BadPairs(f"{path}: {error}") from None


def _lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadPairs(f"{path}: it is not UTF-8 ({error.reason} at byte {error.start})") from None
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except ValueError as error:
            raise BadPairs(f"{path}, row {number}: it is not valid JSON ({error})") from None
        if not isinstance(values, dict):
            raise BadPairs(f"{path}, row {number}: it is no object with `question` and `answer`")
        yield number, values
