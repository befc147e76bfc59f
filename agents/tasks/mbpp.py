"""MBPP: small Python programs from one sentence, tested by assertions.

Source: Austin et al. 2021 (arXiv:2108.07732); `mbpp.jsonl`, or `sanitized-mbpp.jsonl` with `prompt` for `text`, of
github.com/google-research/google-research. The paper shows all three tests; here the first is shown, which names the
function and its form, and all of them decide. One answer for each problem: the score is pass@1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.tasks.base import BadData, Item, PaperFigure, Verdict
from agents.tasks.coding import NOT_RUN, Coding, judged, read_lines
from agents.tasks.exam import Exam
from agents.tasks.programs import code_in, defined

QUESTION = (
    "{text}\nThe function must pass this test, and others like it:\n{test}\nReply with the whole function, its imports "
    "included, in one ```python block."
)


class Mbpp:
    name = "mbpp"
    figures = (
        PaperFigure("chat", "score", 0.801, "Shinn 2023, table 1, GPT-4"),
        PaperFigure("reflexion", "score", 0.771, "Shinn 2023, table 1, GPT-4"),
    )

    def items(self, folder: Path) -> Sequence[Item]:
        """Raises BadData."""
        return [_item(row, folder) for row in read_lines(folder, "*mbpp*.jsonl*", ("task_id", "test_list"))]

    def options(self, pipeline: str) -> Mapping[str, Any]:
        return {}

    def exam(self, item: Item, answer: str) -> Exam:
        return Exam(code_in(answer), item.gold.tests, entries=item.gold.entries)

    def verdict(self, item: Item, answer: str, output: str) -> Verdict:
        return judged(code_in(answer), item.gold.tests, output)

    def check(self, item: Item, answer: str, finalists: Sequence[str] = ()) -> Verdict:
        return NOT_RUN


def _item(row: Mapping[str, Any], folder: Path) -> Item:
    text, tests = row.get("text") or row.get("prompt"), row["test_list"]
    if not isinstance(text, str) or not isinstance(tests, list) or not tests:
        raise BadData(f"{str(folder)!r}: the problem {row['task_id']!r} has no 'text' (or 'prompt') or no tests")
    before = "\n".join((row.get("test_setup_code") or "", *(row.get("test_imports") or ()))).strip()
    hidden = tuple(f"{before}\n{test}".strip() for test in map(str, tests))
    # What the solution defines: some of its names are Python's own.
    entries = tuple(defined(str(row.get("code") or "")))
    return Item(str(row["task_id"]), QUESTION.format(text=text.strip(), test=tests[0]), Coding(hidden, entries=entries))
