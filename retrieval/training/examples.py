"""Training data as a file of JSON lines: questions with the passages that answer them, and passages beside those.

    {"query": "...", "positive": "..."}                   what a question is to find
    {"query": "...", "positives": ["...", "..."], "negatives": ["..."], "answers": ["..."], "group": "..."}
    {"passage": "..."}                                     what a search could find instead

`negatives`: passages that look right and are not. `answers`: texts that a mined negative must not hold. `group`: what
a question belongs to (a conversation, an article, a tool); all of a group is trained on, or measured with.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import StringConstraints, ValidationError, model_validator

from retrieval.base import Value
from retrieval.errors import TrainingRefused

Some = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True, strict=True)]
FIELDS = "query, positive or positives, negatives, answers, group; or passage"


class Row(Value):
    query: Some | None = None
    positive: Some | None = None
    positives: tuple[Some, ...] = ()
    negatives: tuple[Some, ...] = ()
    answers: tuple[Some, ...] = ()
    group: Some | None = None
    passage: Some | None = None

    @model_validator(mode="after")
    def one_kind(self) -> Row:
        if self.passage is not None:
            if self.model_fields_set - {"passage"}:
                raise ValueError("'passage' stands alone")
        elif self.query is None or (self.positive is None) == (not self.positives):
            raise ValueError("give 'query' with 'positive' or 'positives', or 'passage' alone")
        return self


class Example(Value):
    query: str
    positives: tuple[str, ...]
    negatives: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    group: str | None = None


class Material(Value):
    examples: tuple[Example, ...]
    passages: tuple[str, ...]
    """All that a search could find, each once: positives, negatives and what stands beside them."""


def read(path: Path) -> Material:
    """Raises TrainingRefused that names the line, and OSError."""
    rows = []
    try:
        lines = path.read_text("utf-8-sig").split("\n")  # JSON may hold other ends of lines unescaped.
    except UnicodeDecodeError as error:
        raise TrainingRefused(f"the file is not UTF-8 text: {error}") from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            rows.append(_row(line, number))
    return material(rows)


def material(rows: Iterable[Row]) -> Material:
    """Raises TrainingRefused where no question is among them."""
    examples: list[Example] = []
    passages: dict[str, None] = {}
    for row in rows:
        if row.query is None:
            passages[str(row.passage)] = None
            continue
        positives = row.positives if row.positive is None else (row.positive,)
        passages |= dict.fromkeys((*positives, *row.negatives))
        kept = tuple(dict.fromkeys(positives))
        examples.append(
            Example(query=row.query, positives=kept, negatives=row.negatives, answers=row.answers, group=row.group)
        )
    if not examples:
        raise TrainingRefused(f"there is no question in it; each line is a JSON object with {FIELDS}")
    return Material(examples=tuple(examples), passages=tuple(passages))


def line(row: Mapping[str, Any]) -> str:
    return json.dumps(dict(row), ensure_ascii=False)


def _row(text: str, number: int) -> Row:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise TrainingRefused(f"line {number} is not JSON ({error})") from None
    if not isinstance(given, dict):
        raise TrainingRefused(f"line {number} is no JSON object; give {FIELDS}")
    try:
        return Row.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the row"
        raise TrainingRefused(f"line {number}, {where}: {first['msg'].removeprefix('Value error, ')}") from None
