"""JSON logs of tree-of-thought-llm (github.com/princeton-nlp/tree-of-thought-llm, MIT), breadth-first runs.

A log has for each question (`x` of its steps) and level the new states (`new_ys`, in the order of making) and their
values. The proposals for a state are the lines that its new states add; the replies to a judgement are labels whose
weights sum to the recorded value, since the log keeps the sum of the three alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from backends.base import Request
from backends.errors import BadSpec

LABELS = (("sure", 20.0), ("likely", 1.0), ("impossible", 0.001))
NONE = "unclear"
"""A reply without a label; its weight is 0."""


class TotRecord:
    def __init__(self, runs: Sequence[Mapping[str, Any]]) -> None:
        """Raises BadSpec."""
        self._proposals: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self._values: dict[tuple[str, str], float] = {}
        questions: dict[str, None] = {}
        try:
            for run in runs:
                for step in run["steps"]:
                    questions[step["x"]] = None
                    self._read(step["x"], step)
        except (KeyError, TypeError) as error:
            raise BadSpec(f"the record is no log of tree-of-thought-llm: it lacks {error}") from None
        self.questions = tuple(questions)

    def knows(self, question: str) -> bool:
        return question.strip() in self.questions

    def reply(self, request: Request) -> str | None:
        subject = request.subject
        key = request.question.strip(), subject.get("state", "")
        match subject.get("stage"):
            case "propose":
                lines = self._proposals.get(key)
                return None if lines is None else "".join(f"{line}\n" for line in lines)
            case "value" if key in self._values:
                labels = labels_of(self._values[key])
                return labels[int(subject["sample"]) % len(labels)]
        return None

    def _read(self, question: str, step: Mapping[str, Any]) -> None:
        parents = sorted(step["ys"], key=len, reverse=True)
        for state in step["ys"]:
            self._proposals.setdefault((question, state), [])
        for state, value in zip(step["new_ys"], step["values"], strict=True):
            parent = next((parent for parent in parents if state.startswith(parent)), "")
            self._proposals[question, parent].append(state[len(parent) :].removesuffix("\n"))
            self._values.setdefault((question, state), value)


def labels_of(value: float, calls: int = 3) -> list[str]:
    """Labels of `calls` replies whose weights sum to the value."""
    left, labels = round(value, 3), list[str]()
    for label, weight in LABELS:
        while left >= weight - 1e-9 and len(labels) < calls:
            labels.append(label)
            left = round(left - weight, 3)
    return labels + [NONE] * (calls - len(labels))
