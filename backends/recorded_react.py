"""Plain-text ReAct trajectories (github.com/ysymyth/ReAct, MIT): outputs of its FEVER notebook.

Trajectories stand between lines of hyphens: index and question, the turns, a line with the answer. Where a reply had no
action the notebook printed it after `ohh...`, before the turn; it is what the model said to the step, and the action of
the turn is what it said when it was asked for the action alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from backends.base import Request
from backends.errors import BadSpec
from backends.python_syntax import read_literal

_END = re.compile(r"^-{5,}[ \t]*$", re.MULTILINE)
_HEAD = re.compile(r"\s*(\d+) (\S[^\n]*)\n")
_LINE = re.compile(r"(?:(Thought|Action|Observation) (\d+):|(ohh\.\.\.) )(.*)", re.DOTALL)
_RESULT = re.compile(r"^\{'steps'.*\}[ \t]*$", re.MULTILINE)


@dataclass(frozen=True)
class Turn:
    thought: str
    action: str
    """As it was said, white space and all."""
    observation: str
    raw: str = ""
    """The reply in which no action was found, if the action was asked for alone."""


@dataclass(frozen=True)
class Trajectory:
    question: str
    turns: tuple[Turn, ...]
    result: Mapping[str, Any]
    """`answer`, `gt_answer`, `em`, `steps` and more, as the notebook printed them."""


class ReactRecord:
    def __init__(self, text: str) -> None:
        """Raises BadSpec."""
        self.trajectories = trajectories(text)
        # Of a question that was asked twice, the first trajectory answers.
        self._by_question: dict[str, Trajectory] = {}
        for found in self.trajectories:
            self._by_question.setdefault(found.question, found)
        self.questions: Sequence[str] = tuple(self._by_question)

    def knows(self, question: str) -> bool:
        return self._found(question) is not None

    def _found(self, question: str) -> Trajectory | None:
        """By the question, or by its last line: a task says before it what is wanted."""
        asked = question.strip()
        return self._by_question.get(asked) or self._by_question.get(asked.rpartition("\n")[2])

    def reply(self, request: Request) -> str | None:
        found = self._found(request.question)
        step = int(request.subject.get("step", "0"))
        if found is None or not 1 <= step <= len(found.turns):
            return None
        turn = found.turns[step - 1]
        match request.subject.get("stage"):
            case "step":
                return turn.raw or f" {turn.thought}\nAction {step}:{turn.action}"
            case "action":
                return turn.action
        return None


def is_react(text: str) -> bool:
    return _HEAD.match(text) is not None and "\nThought 1:" in text[:20_000]


def trajectories(text: str) -> tuple[Trajectory, ...]:
    """Raises BadSpec that names the trajectory."""
    return tuple(_trajectory(part, place) for place, part in enumerate(_END.split(text), 1) if part.strip())


def _trajectory(part: str, place: int) -> Trajectory:
    head, result = _HEAD.match(part), _RESULT.search(part)
    if head is None:
        raise BadSpec(f"trajectory {place} of the record does not begin with an index and a question")
    steps, turns = _turns(part[head.end() : result.start() if result is not None else None])
    if not steps or steps != list(range(1, len(steps) + 1)):
        raise BadSpec(f"trajectory {place} of the record, {head[2][:60]!r}, has the turns {steps}, not 1, 2, ...")
    try:
        about = read_literal(result[0].strip()) if result is not None else {}
    except (ValueError, SyntaxError) as error:
        raise BadSpec(f"the result of trajectory {place} of the record cannot be read: {error}") from None
    return Trajectory(head[2].strip(), turns, about)


def _turns(text: str) -> tuple[list[int], tuple[Turn, ...]]:
    """The numbers and the turns, in order; line by line, so that it takes no longer than the text is long."""
    steps: list[int] = []
    turns: list[dict[str, str]] = []
    raw = said = ""
    for line in text.splitlines(keepends=True):
        found = _LINE.match(line)
        if found is not None and found[3]:
            said, raw = "raw", found[4]
        elif said == "raw" and not _begins(found, len(turns) + 1):
            raw += line
        elif found is not None and found[1] == "Thought" and _begins(found, len(turns) + 1):
            steps.append(int(found[2]))
            turns.append({"raw": raw, "Thought": found[4], "Action": "", "Observation": ""})
            said, raw = "Thought", ""
        elif found is not None and turns and int(found[2]) == steps[-1] and not turns[-1][found[1]]:
            said = found[1]
            turns[-1][said] = found[4]
        elif turns:
            turns[-1][said] += line
    return steps, tuple(
        Turn(turn["Thought"].strip(), turn["Action"].removesuffix("\n"), turn["Observation"].strip(), turn["raw"])
        for turn in turns
    )


def _begins(found: re.Match[str] | None, step: int) -> bool:
    return found is not None and found[1] == "Thought" and int(found[2]) == step
