"""What a task is: questions with answers that can be checked without a model.

A task knows nothing of pipelines: whatever turns a question into an answer can be scored by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from agents.tasks.exam import Exam


class BadData(Exception):
    """A folder or file that does not hold what the task reads (names it, and what is missing)."""


class UnknownTask(Exception):
    """No task of this name (lists those there are)."""


@dataclass(frozen=True)
class Item:
    """One question of a task."""

    id: str
    question: str
    """As a pipeline is asked it."""
    gold: Any = None
    """What `check` compares with; its form is the task's own."""
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What this one question needs of a pipeline, by the pipeline's name; the caller's own options go before."""
    turns: Sequence[Mapping[str, str]] = ()
    """Messages before the question, `{role, content}`."""
    persona: Mapping[str, Any] | None = None
    """Whom it is asked of: a card, as JSON."""
    tools: Sequence[Mapping[str, Any]] = ()
    """Of the client, as OpenAI's API takes them; the answer is then the calls, `[{name, arguments}]` as JSON."""
    paraphrases: Sequence[str] = ()
    """The question in other words, where the data has them."""


def paraphrases_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The field `paraphrases` of a question's row. Raises ValueError."""
    found = row.get("paraphrases", [])
    if not isinstance(found, list) or not all(isinstance(one, str) and one.strip() for one in found):
        raise ValueError(f"'paraphrases' is {found!r}, not a list of texts")
    return tuple(found)


@dataclass(frozen=True)
class Verdict:
    score: float
    """0 to 1."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Further figures, each a number, averaged over the items beside the score."""
    reason: str = ""
    """Why it is not right."""


@dataclass(frozen=True)
class PaperFigure:
    """A figure of the literature, to stand beside ours."""

    pipeline: str
    metric: str
    value: float
    source: str


class Task(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def figures(self) -> Sequence[PaperFigure]: ...

    def items(self, folder: Path) -> Sequence[Item]:
        """All items, in the data's order. Raises BadData."""
        ...

    def options(self, pipeline: str) -> Mapping[str, Any]:
        """What the task sets for a pipeline, where the caller does not."""
        ...

    def check(self, item: Item, answer: str, finalists: Sequence[str] = ()) -> Verdict:
        """`finalists`: further answers that the pipeline weighed, the one it gave first."""
        ...


@runtime_checkable
class Tested(Protocol):
    """Of a task whose answers are programs: they are run, in the sandbox of the service, before they can be judged."""

    def exam(self, item: Item, answer: str) -> Exam: ...

    def verdict(self, item: Item, answer: str, output: str) -> Verdict:
        """`output`: what came of the exam."""
        ...
