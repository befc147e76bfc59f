"""Game of 24: make 24 of four numbers with + - * /, each number used once.

Source: Yao et al. 2023, Tree of Thoughts (arXiv:2305.10601), section 4.1; 1,362 puzzles of 4nums.com, of which the
paper tests those at index 900 to 999. Arithmetic is exact, and text of a model is parsed, never evaluated.
"""

from __future__ import annotations

import ast
import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any

from agents.tasks.base import BadData, Item, PaperFigure, Verdict
from backends.python_syntax import parse_expression

TARGET = 24
FILE = "24.csv"
TESTED = range(900, 1000)
"""The rows that the paper tests: its puzzles ranked 901 to 1000 by how long people take."""

_SIGNS = str.maketrans({"×": "*", "✕": "*", "·": "*", "÷": "/", "−": "-", "–": "-", "＋": "+", "（": "(", "）": ")"})
_LONGEST = 200
"""Characters of an expression: four numbers and three signs need far fewer."""


def numbers_of(puzzle: str) -> list[Fraction]:
    """The numbers of a puzzle as it is written, `4 5 6 10`."""
    return [Fraction(number) for number in re.findall(r"\d+", puzzle)]


def steps(numbers: Sequence[Fraction]) -> Iterator[tuple[str, list[Fraction]]]:
    """Every way to join two of the numbers: the equation, and the numbers that are left. Equal ones come once."""
    seen: set[str] = set()
    for i, j in combinations(range(len(numbers)), 2):
        rest = [number for place, number in enumerate(numbers) if place not in (i, j)]
        for a, sign, b, value in _joined(numbers[i], numbers[j]):
            equation = f"{a} {sign} {b} = {value}"
            left = sorted([*rest, value])
            key = f"{equation} {left}"
            if key not in seen:
                seen.add(key)
                yield equation, left


def _joined(x: Fraction, y: Fraction) -> Iterator[tuple[Fraction, str, Fraction, Fraction]]:
    high, low = max(x, y), min(x, y)
    yield high, "+", low, high + low
    yield high, "*", low, high * low
    yield high, "-", low, high - low
    if high != low:
        yield low, "-", high, low - high
    if low:
        yield high, "/", low, high / low
    if high and high != low:
        yield low, "/", high, low / high


def solvable(numbers: Sequence[Fraction], target: int = TARGET) -> bool:
    """Whether the numbers make the target; exact."""
    if len(numbers) == 1:
        return numbers[0] == target
    return any(solvable(left, target) for _, left in steps(numbers))


@dataclass(frozen=True)
class Outcome:
    correct: bool
    reason: str = ""


def check(puzzle: str, answer: str, target: int = TARGET) -> Outcome:
    """Whether the last line of `answer` that holds an expression is a solution of the puzzle.

    `Answer: (4 * 5) + (10 - 6) = 24`, with or without the word and the right side.
    """
    expression = expression_in(answer)
    if not expression:
        return Outcome(False, "no expression")
    if len(expression) > _LONGEST:
        return Outcome(False, "the expression is too long")
    try:
        value, used = _value(parse_expression(expression).body)
    except ZeroDivisionError:
        return Outcome(False, "division by zero")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Outcome(False, f"not an expression of numbers and + - * /: {error}")
    wanted = Counter(numbers_of(puzzle))
    if Counter(used) != wanted:
        return Outcome(False, f"uses {_listed(used)} instead of {_listed(sorted(wanted.elements()))}")
    return Outcome(True) if value == target else Outcome(False, f"makes {value}, not {target}")


def expression_in(answer: str) -> str:
    """The expression of the answer's last line that has one, normalised; empty if none has."""
    for line in reversed(answer.strip().splitlines()):
        text = unicodedata.normalize("NFKC", line).translate(_SIGNS)
        text = re.sub(r"^.*(?:answer|答案)\s*(?:is|是)?\s*:?", "", text, flags=re.IGNORECASE)
        left = text.partition("=")[0].strip().strip("`*. ")
        if re.search(r"\d", left):
            return left
    return ""


def _value(node: ast.expr) -> tuple[Fraction, list[Fraction]]:
    """The value of an expression and the numbers in it. Raises ValueError for whatever is not of the game."""
    match node:
        case ast.Constant(value=int(number)) if not isinstance(node.value, bool):
            return Fraction(number), [Fraction(number)]
        case ast.BinOp(left=left, op=op, right=right):
            (a, used), (b, more) = _value(left), _value(right)
            return _apply(op, a, b), used + more
    raise ValueError(f"{type(node).__name__} has no place here")


def _apply(op: ast.operator, a: Fraction, b: Fraction) -> Fraction:
    match op:
        case ast.Add():
            return a + b
        case ast.Sub():
            return a - b
        case ast.Mult():
            return a * b
        case ast.Div():
            return a / b
    raise ValueError(f"{type(op).__name__} has no place here")


def _listed(numbers: Sequence[Fraction]) -> str:
    return " ".join(map(str, numbers)) or "no numbers"


class Game24:
    name = "game24"
    figures = (
        PaperFigure("chat", "score", 0.073, "Yao 2023, table 2, IO prompt"),
        PaperFigure("cot", "score", 0.040, "Yao 2023, table 2, CoT prompt"),
        PaperFigure("tot", "any_of_b", 0.74, "Yao 2023, table 2, b = 5"),
    )

    def items(self, folder: Path) -> Sequence[Item]:
        """The puzzles of `24.csv` that the paper tests. Raises BadData."""
        path = folder / FILE
        if not path.is_file():
            raise BadData(f"{str(folder)!r} has no {FILE} (columns Rank and Puzzles)")
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        if not rows or "Puzzles" not in rows[0]:
            raise BadData(f"{str(path)!r} has no column 'Puzzles'")
        return [Item(id=str(place), question=rows[place]["Puzzles"]) for place in TESTED if place < len(rows)]

    def options(self, pipeline: str) -> Mapping[str, Any]:
        return {"problem": self.name} if pipeline == "tot" else {}

    def check(self, item: Item, answer: str, finalists: Sequence[str] = ()) -> Verdict:
        """The score is that of the one answer; `any_of_b` is what the paper's code counts as success."""
        outcome = check(item.question, answer)
        further = any(check(item.question, other).correct for other in finalists)
        details = {"any_of_b": float(outcome.correct or further)} if finalists else {}
        return Verdict(score=float(outcome.correct), details=details, reason=outcome.reason)
