"""What the tasks whose answers are programs share: their files, their hidden tests, and the score."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.tasks.base import BadData, Verdict
from agents.tasks.programs import outcomes

NOT_RUN = Verdict(0.0, reason="its tests were not run")
"""Of a check without a sandbox."""


@dataclass(frozen=True)
class Coding:
    tests: tuple[str, ...]
    """Hidden from the pipeline, run after the answer in its own names."""
    prompt: str = ""
    """Code that the answer may only continue."""
    entries: tuple[str, ...] = ()
    """Names that the answer has to define."""
    given: str = ""
    """Code that the tests may use."""


def judged(code: str, tests: Sequence[str], output: str) -> Verdict:
    """All tests must pass; `tests` says what share of them did."""
    if not code:
        return Verdict(0.0, {"tests": 0.0}, "no Python in the answer")
    told = outcomes(code, tests, output)
    if told is None:
        return Verdict(0.0, {"tests": 0.0}, "the program did not come to its end")
    wrong = [one for one in told if one]
    # What fails alike is counted together.
    reason = wrong[0].removeprefix("the code itself: ").partition(":")[0] if wrong else ""
    return Verdict(float(not wrong), {"tests": 1 - len(wrong) / len(told)}, reason)


def read_lines(folder: Path, pattern: str, fields: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of the first file that fits, JSON lines, packed by gzip or not. Raises BadData."""
    found = sorted(folder.glob(pattern))
    if not found:
        raise BadData(f"{str(folder)!r} has no {pattern} (JSON lines with {', '.join(fields)})")
    path, rows = found[0], []
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise BadData(f"{str(path)!r} cannot be read: {error}") from None
    for number, line in enumerate(filter(str.strip, text.splitlines()), start=1):
        try:
            row = json.loads(line)
            rows.append({**row, **{field: row[field] for field in fields}})
        except (ValueError, KeyError, TypeError) as error:
            raise BadData(f"{str(path)!r}, line {number}, is no problem: {error!r}") from None
    return rows
