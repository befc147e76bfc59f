"""Questions over a closed encyclopedia: short answers, compared as SQuAD and HotpotQA compare them.

Sources: Yang et al. 2018, HotpotQA (arXiv:1809.09600); its normalisation is that of Rajpurkar et al. 2016, SQuAD: case,
punctuation (here also that beyond ASCII) and the articles a, an, the do not count. Each character of Chinese or
Japanese text is a word.
"""

from __future__ import annotations

import json
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.tasks.base import BadData, Item, PaperFigure, Verdict, paraphrases_of
from retrieval.scripts import CJK

FILE = "queries.jsonl"
_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_WORDS = re.compile(rf"[{CJK}]|[^\s{CJK}]+")
_CLOSED = frozenset({"yes", "no", "noanswer"})
"""Answers that are right or wrong as a whole: HotpotQA gives no F1 for a share of their words."""


class ClosedWiki:
    name = "closed-wiki"
    figures = (
        PaperFigure("chat", "score", 0.287, "Yao 2022, table 1, HotpotQA, standard prompt, PaLM 540B"),
        PaperFigure("cot", "score", 0.294, "Yao 2022, table 1, HotpotQA, CoT, PaLM 540B"),
        PaperFigure("react", "score", 0.274, "Yao 2022, table 1, HotpotQA on all of Wikipedia, PaLM 540B"),
        PaperFigure("reflexion", "score", 0.51, "log of Shinn's code, 100 of HotpotQA, trial 5; trial 1: 0.32"),
    )

    def items(self, folder: Path) -> Sequence[Item]:
        """The lines of `queries.jsonl` with their `answers`. Raises BadData."""
        path = folder / FILE
        if not path.is_file():
            raise BadData(f"{str(folder)!r} has no {FILE} (lines with '_id', 'text' and 'answers')")
        items = []
        for place, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                answers = row["answers"]
                if not isinstance(answers, list) or not answers or not all(isinstance(a, str) for a in answers):
                    raise ValueError(f"'answers' is {answers!r}, not a list of texts")
                others = paraphrases_of(row)
                items.append(Item(id=str(row["_id"]), question=row["text"], gold=tuple(answers), paraphrases=others))
            except (ValueError, KeyError, TypeError) as error:
                raise BadData(f"{str(path)!r}, line {place}, has no question with answers: {error}") from None
        return items

    def options(self, pipeline: str) -> Mapping[str, Any]:
        return {"environment": "wiki"} if pipeline == "react" else {}

    def check(self, item: Item, answer: str, finalists: Sequence[str] = ()) -> Verdict:
        """The score is exact match after normalisation, `f1` that of the words; the best of the gold answers counts."""
        if item.gold is None:  # A recorded run brings questions alone.
            return Verdict(score=0.0, reason="the item has no gold answer: give its folder with --data")
        golds = (item.gold,) if isinstance(item.gold, str) else item.gold
        exact = max(float(normalised(answer) == normalised(gold)) for gold in golds)
        shared = max(f1(answer, gold) for gold in golds)
        return Verdict(score=exact, details={"f1": shared}, reason="" if exact else "another answer")


def normalised(answer: str) -> str:
    text = unicodedata.normalize("NFKC", answer).casefold()
    text = "".join(one for one in text if one not in string.punctuation and unicodedata.category(one)[0] != "P")
    return " ".join(_ARTICLES.sub(" ", text).split())


def f1(answer: str, gold: str) -> float:
    said, wanted = normalised(answer), normalised(gold)
    if said != wanted and {said, wanted} & _CLOSED:
        return 0.0
    words, needed = Counter(_WORDS.findall(said)), Counter(_WORDS.findall(wanted))
    common = (words & needed).total()
    if not common:
        return float(said == wanted)
    precision, recall = common / words.total(), common / needed.total()
    return 2 * precision * recall / (precision + recall)
