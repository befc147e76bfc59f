"""HuggingGPT over HTTP: a plan of tasks that need each other's results, experts that carry them out at once, an answer.

The plan, the choice among experts and the wording are the model's part; without `--backend` it is a script, which this
demo says. What experts compute is really computed. The second question has a task that must fail, the third a plan that
goes round in a circle before it is put right.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
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
    holds: tuple[str, ...]
    """What the answer must say."""


TASKS = (
    Task(
        "A courier rides 26 miles on each of 5 working days, from 2 March 2026 on. How many miles and kilometres is "
        "that, which day comes after the last, and how do you say the distance in German?",
        ("209.21", "calculator: 130", "units: 130"),
    ),
    Task("请算出每人的费用，一句话概括，再把五英里换算成公里。", ("8.05", "失败：", "未开始，因为任务 0 失败了")),
    Task("Plan me the number after 41, step by step.", ("42",)),
)


def main(base_url: str, api_key: str | None, backend: str | None, console: Console, *, keep: bool = False) -> int:
    """Run the demo against the service at `base_url`; 0 if every answer says what it must."""
    scripted = backend is None and urlsplit(base_url).hostname in LOOPBACK
    if scripted:
        backend = f"scripted:{SCRIPT}"
        show.line(console, "The model's part is played by a script; --backend lets a model play it.", "yellow")
    try:
        with connected(base_url, api_key) as client:
            good = sum(told(client, task, backend, console) for task in TASKS)
    except DemoFailed as error:
        show.line(console, f"The demo failed: {error}", "bold red")
        return 1
    show.section(console, "Result")
    show.line(console, f"{good} of {len(TASKS)} answers say what was found, and what could not be.")
    return 0 if good == len(TASKS) or not scripted else 1


def told(client: httpx.Client, task: Task, backend: str | None, console: Console) -> bool:
    show.section(console, task.question)
    answer, events = ask(client, "hugginggpt", task.question, {}, backend)
    begun = datetime.fromisoformat(events[0]["at"])
    for event in events:
        match event["type"]:
            case "plan":
                for step in event["steps"]:
                    show.line(console, f"  Planned: {show.shortened(step, 150)}", "cyan")
            case "routed" if len(event["experts"]) > 1:
                names = ", ".join(event["experts"])
                show.line(console, f"  Offered: {names}; {event['method']} chose {event['chosen'][0][0]}", "dim")
            case "warning":
                show.line(console, f"  Note: {show.shortened(event['message'], 250)}", "yellow")
    show.table(console, ("task", "expert", "needs", "from s", "to s", "result"), rows(events, begun))
    good = all(part in answer for part in task.holds)
    show.line(console, answer, "green" if good else "bold red")
    return good


def rows(events: list[dict[str, Any]], begun: datetime) -> list[tuple[str, ...]]:
    """What became of each task, and when."""

    def seconds(event: dict[str, Any] | None) -> str:
        return "-" if event is None else f"{(datetime.fromisoformat(event['at']) - begun).total_seconds():.3f}"

    started = {event["task"]: event for event in events if event["type"] == "task_started"}
    ended = {event["task"]: event for event in events if event["type"] in ("task_finished", "task_failed")}
    return [
        (
            f"{id} {end['task_type']}",
            end["expert"],
            ", ".join(map(str, started[id]["needs"])) if id in started else ", ".join(map(str, end["because_of"])),
            seconds(started.get(id)),
            seconds(end),
            show.shortened(end["text"] if end["type"] == "task_finished" else f"failed: {end['reason']}", 60),
        )
        for id, end in sorted(ended.items())
    ]
