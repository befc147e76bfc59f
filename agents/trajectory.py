"""What a nested pipeline did, as its trace tells: thoughts, actions with what they brought, searches.

After a crash the trace has the part of the earlier attempts. A step that runs again says its thoughts again, but what
it had called is not called again: the later thoughts stand, and so do the earlier calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from agents.events import Event, Plan, Retrieved, RunResumed, RunStarted, StepStarted, Thought, ToolCalled
from agents.search_tree import Candidate


class Action(NamedTuple):
    what: str
    observation: str


@dataclass(frozen=True)
class Said:
    task_id: str
    attempt: int
    text: str
    action: Action | None = None
    search: bool = False


class Trajectory:
    def __init__(self, step: str, past: Iterable[Event] = ()) -> None:
        """`step`: `task_id` of the step that the pipeline runs in. `past`: the trace of the run's earlier attempts."""
        self._said: list[Said] = []
        self._attempt = 0
        within = {step}
        for event in past:
            if isinstance(event, RunStarted | RunResumed):
                self._attempt += 1
            elif isinstance(event, StepStarted) and event.within in within:
                within.add(event.task_id)
            elif event.task_id in within and event.task_id != step:
                self.hear(event.task_id, type(event), dict(event))
        self._attempt += 1

    @property
    def actions(self) -> list[Action]:
        return [said.action for said in self._said if said.action is not None]

    def lines(self) -> list[str]:
        """For a reader: a search is left out where it is a part of an action."""
        acting = {said.task_id for said in self._said if said.action is not None}
        return [said.text for said in self._said if not said.search or said.task_id not in acting]

    def hear(self, task_id: str, kind: type[Event], fields: dict[str, Any]) -> None:
        text, action = "", None
        if kind is Thought:
            text = f"Thought: {_line(fields['text'])}"
        elif kind is Candidate:
            text = f"Candidate, value {fields['value']}: {_line(fields['state'])}"
        elif kind is Plan:
            text = f"Plan: {_line('; '.join(fields['steps']))}"
        elif kind is Retrieved:
            found = ", ".join(dict.fromkeys(hit.filename for hit in fields["hits"])) or "nothing"
            text = f"Search: {_line(fields['query'])}\nFound: {found}"
        elif kind is ToolCalled:
            call = fields["call"]
            action = Action(f"{call.name} {call.arguments}".strip(), fields["output"])
            text = f"Action: {_line(action.what)}\nObservation: {_line(action.observation)}"
        if text:
            self._void(task_id)
            self._said.append(Said(task_id, self._attempt, text, action, kind is Retrieved))

    def _void(self, task_id: str) -> None:
        """What an earlier attempt at the step said, but for its calls."""
        self._said = [
            said
            for said in self._said
            if said.task_id != task_id or said.attempt == self._attempt or said.action is not None or said.search
        ]


def fitted(lines: Sequence[str], characters: int) -> list[str]:
    """Within so many characters: the longest lines are cut first, as in Reflexion's code, then the first left out."""
    kept = list(lines)
    while sum(map(len, kept)) > characters and max(map(len, kept)) > SHORT:
        place = max(range(len(kept)), key=lambda n: len(kept[n]))
        kept[place] = f"{kept[place][: SHORT - len(CUT)]}{CUT}"
    while kept and sum(map(len, kept)) > characters:
        del kept[0]
    return kept


SHORT, CUT = 200, " [cut]"


def _line(text: str) -> str:
    return " ".join(text.split())
