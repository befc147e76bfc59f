"""HumanEval: functions to be completed from their signature and docstring, tested by hidden tests.

Source: Chen et al. 2021 (arXiv:2107.03374); `HumanEval.jsonl`, or `.jsonl.gz`, of github.com/openai/human-eval. One
answer for each problem: the score is pass@1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.tasks.base import Item, PaperFigure, Verdict
from agents.tasks.coding import NOT_RUN, Coding, judged, read_lines
from agents.tasks.exam import Exam
from agents.tasks.programs import code_in

QUESTION = (
    "Complete this Python function. Reply with the whole function, its imports included, in one ```python block.\n\n"
    "```python\n{prompt}\n```"
)


class HumanEval:
    name = "humaneval"
    figures = (
        PaperFigure("chat", "score", 0.801, "Shinn 2023, table 1, GPT-4"),
        PaperFigure("reflexion", "score", 0.910, "Shinn 2023, table 1, GPT-4"),
    )

    def items(self, folder: Path) -> Sequence[Item]:
        """Raises BadData."""
        rows = read_lines(folder, "HumanEval*.jsonl*", ("task_id", "prompt", "test", "entry_point"))
        return [
            Item(
                id=str(row["task_id"]),
                question=QUESTION.format(prompt=row["prompt"].rstrip()),
                gold=Coding(
                    prompt=row["prompt"],
                    tests=(f"{row['test']}\ncheck({row['entry_point']})",),
                    entries=(str(row["entry_point"]),),
                    # Other functions of the prompt are there for the tests too; the last one has no body yet.
                    given=code_in(f"```python\n{row['prompt'].rstrip()}\n    pass\n```"),
                ),
            )
            for row in rows
        ]

    def options(self, pipeline: str) -> Mapping[str, Any]:
        return {}

    def exam(self, item: Item, answer: str) -> Exam:
        gold = item.gold
        return Exam(_whole(gold, answer), gold.tests, entries=gold.entries, given=gold.given)

    def verdict(self, item: Item, answer: str, output: str) -> Verdict:
        return judged(_whole(item.gold, answer), item.gold.tests, output)

    def check(self, item: Item, answer: str, finalists: Sequence[str] = ()) -> Verdict:
        return NOT_RUN


def _whole(gold: Coding, answer: str) -> str:
    """The function: as it was given, or put behind its signature where only the body was given."""
    code = code_in(answer)
    if code:
        return code if "def " in code else gold.prompt + code
    return code_in(f"```python\n{gold.prompt}{answer}\n```") if answer.strip() else ""
