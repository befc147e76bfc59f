"""GSM8K: word problems of primary school, their answer one number.

Source: Cobbe et al. 2021 (arXiv:2110.14168). The gold answer stands after `####`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.answer_text import after_marker, first_number, last_number
from agents.tasks.base import BadData, Item, PaperFigure, Verdict, paraphrases_of


class Gsm8k:
    name = "gsm8k"
    figures = (
        PaperFigure("chat", "score", 0.179, "Wei 2022, PaLM 540B, standard prompt"),
        PaperFigure("cot", "score", 0.569, "Wei 2022, PaLM 540B, chain of thought, greedy"),
    )

    def items(self, folder: Path) -> Sequence[Item]:
        """The first JSON lines file whose name begins with `test`. Raises BadData."""
        files = sorted(folder.glob("test*.jsonl"))
        if not files:
            raise BadData(f"{str(folder)!r} has no test*.jsonl (lines with 'question' and 'answer')")
        items = []
        for place, line in enumerate(files[0].read_text("utf-8").splitlines()):
            try:
                row = json.loads(line)
                others = paraphrases_of(row)
                gold = gold_of(row["answer"])
                items.append(Item(id=str(place), question=row["question"], gold=gold, paraphrases=others))
            except (ValueError, KeyError, TypeError) as error:
                raise BadData(f"{str(files[0])!r}, line {place + 1}, is no item of GSM8K: {error}") from None
        return items

    def options(self, pipeline: str) -> Mapping[str, Any]:
        return {}

    def check(self, item: Item, answer: str, finalists: Sequence[str] = ()) -> Verdict:
        """The first number after the answer's marker, or without one the last number, is the gold one."""
        found = first_number(after_marker(answer)) or last_number(answer)
        right = found == item.gold
        return Verdict(score=float(right), reason="" if right else "no number" if not found else "another number")


def gold_of(solution: str) -> str:
    """Raises ValueError."""
    if "####" not in solution:
        raise ValueError("the solution has no '####'")
    return last_number(solution.rpartition("####")[2])
