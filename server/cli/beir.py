"""Folders of the BEIR form: corpus.jsonl, queries.jsonl, and qrels.tsv (or qrels/SPLIT.tsv)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.cli.failure import CommandFailed
from server.cli.output import note

SPLIT = "test"
"""What judgments that are not divided are taken for."""


@dataclass(frozen=True)
class Task:
    name: str
    corpus: Mapping[str, str]
    """Title and text of every document that has any, by id."""
    queries: Mapping[str, str]
    """Those with judgments."""
    grades: Mapping[str, Mapping[str, int]]
    """By query, documents of the corpus."""


def read(folder: Path, split: str) -> Task:
    """Raises CommandFailed that names the file and line."""
    corpus = {}
    for number, row in _rows(folder / "corpus.jsonl"):
        text = "\n\n".join(part for part in (_field(row, "title", ""), _field(row, "text")) if part.strip())
        if text.strip():
            corpus[_field(row, "_id", str(number))] = text
    queries = {_field(row, "_id", str(number)): _field(row, "text") for number, row in _rows(folder / "queries.jsonl")}
    grades: dict[str, dict[str, int]] = {}
    for query, document, grade in _qrels(folder, split):
        if query in queries and document in corpus:
            grades.setdefault(query, {})[document] = grade
    if not grades:
        raise CommandFailed(f"{str(folder)!r} has no judgment of a query and a document that are both there")
    return Task(folder.name, corpus, {id: text for id, text in queries.items() if id in grades}, grades)


def _rows(path: Path) -> list[tuple[int, dict[str, Any]]]:
    found = []
    for number, line in enumerate(_lines(path), start=1):
        try:
            row = json.loads(line)
        except ValueError as error:
            raise CommandFailed(f"{path}, line {number}: not JSON ({error})") from None
        if not isinstance(row, dict):
            raise CommandFailed(f"{path}, line {number}: not a JSON object")
        found.append((number, row))
    return found


def _qrels(folder: Path, split: str) -> list[tuple[str, str, int]]:
    path = folder / "qrels" / f"{split}.tsv"
    if not path.is_file():
        path = folder / "qrels.tsv"
        if not path.is_file():
            raise CommandFailed(f"{str(folder)!r} has neither qrels/{split}.tsv nor qrels.tsv")
        if split != SPLIT:
            note(f"There is no qrels/{split}.tsv in {str(folder)!r}: all of its qrels.tsv is taken.")
    found = []
    for number, line in enumerate(_lines(path), start=1):
        parts = line.split("\t")
        try:
            found.append((parts[0], parts[1], int(parts[2])))
        except (IndexError, ValueError):
            if number > 1:  # the first line may name the columns
                raise CommandFailed(f"{path}, line {number}: not QUERY, DOCUMENT and GRADE between tabs") from None
    return found


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"{str(path)!r} cannot be read: {error}") from None


def _field(row: dict[str, Any], name: str, default: str | None = None) -> str:
    value = row.get(name, default)
    return value if isinstance(value, str) else "" if value is None else str(value)
