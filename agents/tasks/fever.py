"""FEVER: claims that an encyclopedia supports, refutes, or does not say enough about.

Source: Thorne et al. 2018 (arXiv:1803.05355); asked as Yao et al. 2022, ReAct, asks it: the label alone counts, not the
evidence. Reads FEVER's own JSON lines, or the authors' recorded trajectories, which have 500 claims with their labels.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents.tasks.base import BadData, Item, PaperFigure, Verdict, paraphrases_of

LABELS = ("SUPPORTS", "REFUTES", "NOT ENOUGH INFO")
QUESTION = f"Is the claim borne out? Answer with one of {', '.join(LABELS)}.\nClaim: "
_LABEL = re.compile("|".join(LABELS), re.IGNORECASE)
TABLE = "Yao 2022, table 1, FEVER, PaLM 540B"


class Fever:
    name = "fever"
    figures = (
        PaperFigure("chat", "score", 0.571, f"{TABLE}, standard prompt"),
        PaperFigure("cot", "score", 0.563, f"{TABLE}, CoT; with self-consistency 0.604"),
        PaperFigure("react", "score", 0.609, f"{TABLE}; the authors' rerun with text-davinci-002 0.54"),
    )

    def items(self, folder: Path) -> Sequence[Item]:
        """Of the folder's first JSON lines file, else of its first file of trajectories. Raises BadData."""
        for path in sorted(folder.glob("*.jsonl")):
            return _of_lines(path)
        for path in sorted(folder.glob("*.txt")):
            return _of_trajectories(path)
        raise BadData(
            f"{str(folder)!r} has no file of claims: JSON lines with 'claim' and 'label' (paper_dev.jsonl), or the "
            "recorded trajectories of ReAct's FEVER notebook (.txt)"
        )

    def options(self, pipeline: str) -> Mapping[str, Any]:
        # The paper says 5 steps; its code, whose runs are recorded, takes 7.
        return {"max_steps": 7} if pipeline == "react" else {}

    def check(self, item: Item, answer: str, finalists: Sequence[str] = ()) -> Verdict:
        """The label in the answer is the claim's. An answer that names several has none."""
        if item.gold is None:  # A recorded run brings questions alone.
            return Verdict(score=0.0, reason="the item has no label: give its folder with --data")
        found = label_of(answer)
        if found is None:
            return Verdict(score=0.0, reason="not one of the labels")
        return Verdict(score=float(found == item.gold), reason="" if found == item.gold else "another label")


def label_of(answer: str) -> str | None:
    found = {label.upper() for label in _LABEL.findall(answer)}
    return found.pop() if len(found) == 1 else None


def _of_lines(path: Path) -> Sequence[Item]:
    items = []
    for place, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            items.append(_item(str(row["id"]), row["claim"], row["label"], paraphrases_of(row)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadData(f"{str(path)!r}, line {place}, has no claim with a label: {error}") from None
    return items


def _of_trajectories(path: Path) -> Sequence[Item]:
    from backends.errors import BadSpec
    from backends.recorded_react import trajectories

    try:
        found = trajectories(path.read_text("utf-8"))
        return [
            _item(str(place), one.question.removeprefix("Claim:"), one.result["gt_answer"])
            for place, one in enumerate(found)
        ]
    except (BadSpec, ValueError, KeyError) as error:
        raise BadData(f"{str(path)!r} has no trajectories with their labels: {error}") from None


def _item(id: str, claim: str, label: str, others: Sequence[str] = ()) -> Item:
    """Raises ValueError."""
    if label not in LABELS:
        raise ValueError(f"the label is {label!r}, not one of {', '.join(LABELS)}")
    put = tuple(f"{QUESTION}{one.strip()}" for one in others)
    return Item(id, f"{QUESTION}{claim.strip()}", label, paraphrases=put)
