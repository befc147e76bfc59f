"""Reflexion over HTTP: an agent fails, notes why, and does better with its notes before it.

Without `--backend` the model's part is a script, which this demo says: the script knows the second way only where the
note of the first trial is among what it is told. What it does is really looked up, judged and stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from demos import show
from demos.rag import Store, collection
from demos.react import ask
from demos.service import LOOPBACK, DemoFailed, connected

if TYPE_CHECKING:
    import httpx
    from rich.console import Console

SCRIPT = Path(__file__).with_suffix(".json")
TRIALS = 3


@dataclass(frozen=True)
class Task:
    question: str
    reference: tuple[str, ...]
    shows: str


TASKS = (
    Task(
        "By how many kilometres did the range of the median electric car grow from 2013 to 2023?",
        ("267", "267 km", "267 kilometres"),
        "The judge compares with the right answer and says no more than that it is not right.",
    ),
    Task(
        "2022年11月一吨碳酸锂多少欧元？",
        ("71,000", "71,000欧元", "71,000 euros"),
        "An agent that does the same again and again, and sees the same, is stopped.",
    ),
)


def main(base_url: str, api_key: str | None, backend: str | None, console: Console, *, keep: bool = False) -> int:
    """Run the demo against the service at `base_url`; 0 if every task is solved in the end."""
    if backend is None and urlsplit(base_url).hostname in LOOPBACK:
        backend = f"scripted:{SCRIPT}"
        show.line(console, "The model's part is played by a script; --backend lets a model play it.", "yellow")
    try:
        with connected(base_url, api_key) as client, collection(client, console, keep, "reflexion") as store:
            return tell(client, store, backend, console)
    except DemoFailed as error:
        show.line(console, f"The demo failed: {error}", "bold red")
        return 1


def tell(client: httpx.Client, store: Store, backend: str | None, console: Console) -> int:
    """Give every task, show its trials and notes, and draw the curve; returns the exit code."""
    solved: list[int] = []
    for task in TASKS:
        show.section(console, task.question)
        show.line(console, task.shows, "dim")
        options = {"inner": "react", "reference": list(task.reference), "max_trials": TRIALS}
        _, events = ask(client, f"reflexion:{store.name}", task.question, options, backend)
        trials(events, console)
        solved += [event["number"] for event in events if event["type"] == "trial" and event["success"]]
    show.section(console, "Result")
    for number in range(1, TRIALS + 1):
        count = sum(one <= number for one in solved)
        bar = "█" * (20 * count // len(TASKS))
        show.line(console, f"solved after {show.counted(number, 'trial', 'trials'):8} {count} of {len(TASKS)} {bar}")
    good = len(solved) == len(TASKS)
    show.line(
        console, "All tasks are solved." if good else "Not all tasks are solved.", "green" if good else "bold red"
    )
    return 0 if good else 1


def trials(events: list[dict[str, Any]], console: Console) -> None:
    """What was thought and done, each trial's outcome, and what was noted for the next."""
    for event in events:
        match event["type"]:
            case "memory_read":
                show.line(console, f"  Told before everything: {show.counted(len(event['texts']), 'note', 'notes')}")
            case "thought":
                show.line(console, f"  Thought: {show.shortened(event['text'], 150)}")
            case "tool_called":
                done = f"{event['call']['arguments']} -> {event['output']}"
                show.line(console, f"  Action: {show.shortened(done, 150)}", "dim")
            case "trial":
                outcome = "right" if event["success"] else f"stopped, {event['stuck']}" if event["stuck"] else "wrong"
                said = f"{event['answer']!r}: {outcome}" if event["answer"] else outcome
                show.line(console, f"Trial {event['number']}: {said}", "green" if event["success"] else "yellow")
            case "reflection":
                show.line(console, f"Noted: {show.shortened(event['text'], 300)}", "cyan")
