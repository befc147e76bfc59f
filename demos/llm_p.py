"""LLM+P in the world of blocks, over HTTP: the model writes the problem down, a planner solves it, the plan is checked.

Without `--backend` the model's part is a script, which this demo says: it puts the words into PDDL and the plan into
words. The plan itself is really made by the planner, and each of its steps is really checked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from demos import show
from demos.react import ask
from demos.service import LOOPBACK, DemoFailed, connected

if TYPE_CHECKING:
    import httpx
    from rich.console import Console

SCRIPT = Path(__file__).with_suffix(".json")


@dataclass(frozen=True)
class Task:
    question: str
    shows: str
    solvable: bool = True


TASKS = (
    Task(
        "There are three blocks, A, B and C. C lies on A; A and B stand on the table. My hand is empty. A is to lie on "
        "B, and B on C.",
        "Whoever begins with either of the two goals has to undo it for the other: the planner does not.",
    ),
    Task(
        "桌上有三块积木：甲、乙、丙。甲在乙上面，乙在丙上面，丙在桌上，手是空的。请把顺序倒过来：丙在乙上面，乙在甲上面。",
        "What the planner cannot read is told to the model, which may put it right once.",
    ),
    Task(
        "Two blocks, A and B, stand on the table, and my hand is empty. They are to lie on each other.",
        "Where there is no plan, none is made up.",
        solvable=False,
    ),
)


def main(base_url: str, api_key: str | None, backend: str | None, console: Console, *, keep: bool = False) -> int:
    """Run the demo against the service at `base_url`; 0 if there is a checked plan wherever one can be."""
    if backend is None and urlsplit(base_url).hostname in LOOPBACK:
        backend = f"scripted:{SCRIPT}"
        show.line(console, "The model's part is played by a script; --backend lets a model play it.", "yellow")
    try:
        with connected(base_url, api_key) as client:
            right = [solved(client, task, backend, console) == task.solvable for task in TASKS]
    except DemoFailed as error:
        show.line(console, f"The demo failed: {error}", "bold red")
        return 1
    show.section(console, "Result")
    good = all(right)
    summary = (
        f"{sum(right)} of {len(TASKS)} tasks came out as they should: a checked plan, or none where there is none."
    )
    show.line(console, summary, "green" if good else "bold red")
    return 0 if good else 1


def solved(client: httpx.Client, task: Task, backend: str | None, console: Console) -> bool:
    """Give the task, show what was written, planned and checked; whether there is a plan."""
    show.section(console, task.question)
    show.line(console, task.shows, "dim")
    answer, events = ask(client, "llm_p", task.question, {}, backend)
    for event in events:
        told(event, console)
    show.line(console, answer)
    return any(event["type"] == "plan" for event in events)


def told(event: dict[str, Any], console: Console) -> None:
    match event["type"]:
        case "tool_called":
            show.line(console, "The problem in PDDL:")
            for line in json.loads(event["call"]["arguments"])["problem"].splitlines():
                show.line(console, f"  {line}", "dim")
        case "plan":
            show.line(console, "The planner's plan:")
            for step in event["steps"]:
                show.line(console, f"  {step}", "cyan")
        case "validated":
            verdict = "holds" if event["ok"] else "does not hold"
            style = "green" if event["ok"] else "yellow"
            show.line(console, f"Checked: the {event['what']} {verdict}; {event['message']}", style)
