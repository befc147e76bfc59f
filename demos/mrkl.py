"""MRKL over HTTP: each question goes to the expert that it is meant for, and the answer says which one that was.

First without a model: descriptions are compared, rules read formulas, and what nobody is meant for is looked up. Then a
model chooses and extracts arguments; without `--backend` its part is a script, which this demo says. What experts do is
really computed and searched.
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


@dataclass(frozen=True)
class Task:
    question: str
    expert: str
    holds: str
    """What the answer must say."""


BARE = (
    Task("What is 15 percent of three hundred and twenty?", "calculator", "48"),
    Task("三百二十的百分之十五是多少？", "calculator", "48"),
    Task("How many lamp posts had Rotterdam fitted with sockets by the end of 2022?", "rag", "3,150"),
    Task("乌得勒支的星光电价夜间每度电多少钱？", "rag", "0.09欧元"),
)
WITH_MODEL = (
    Task("A taxi covers 26 miles every day. How many kilometres is that?", "units", "41.84"),
    Task(
        "Three chargers cost 1,249 euros each, and there is a discount of 5 percent. What is paid?",
        "calculator",
        "3559.65",
    ),
    Task("1976年7月4日是星期几？", "calendar", "星期日"),
    Task("How many lamp posts had Rotterdam fitted with sockets by the end of 2022?", "rag", "3,150"),
    Task("Write one line about the sea.", "model", "sea"),
)


def main(base_url: str, api_key: str | None, backend: str | None, console: Console, *, keep: bool = False) -> int:
    """Run the demo against the service at `base_url`; 0 if every question came to its expert and was answered."""
    scripted = backend is None and urlsplit(base_url).hostname in LOOPBACK
    if scripted:
        backend = f"scripted:{SCRIPT}"
    try:
        with connected(base_url, api_key) as client, collection(client, console, keep, "mrkl") as store:
            show.section(console, "Without a model")
            good = tell(client, store, BARE, "extractive", {}, console)
            show.section(console, "With a model")
            if scripted:
                show.line(console, "The model's part is played by a script; --backend lets a model play it.", "yellow")
            good += tell(client, store, WITH_MODEL, backend, {"fallback": "model"}, console)
    except DemoFailed as error:
        show.line(console, f"The demo failed: {error}", "bold red")
        return 1
    number = len(BARE) + len(WITH_MODEL)
    show.section(console, "Result")
    show.line(console, f"{good} of {number} questions were answered by the expert they are meant for.")
    return 0 if good == number else 1


def tell(
    client: httpx.Client, store: Store, tasks: tuple[Task, ...], backend: str | None, options: dict[str, Any],
    console: Console,
) -> int:  # fmt: skip
    """Ask, show who was chosen and what with; returns how many were right."""
    right = 0
    for task in tasks:
        answer, events = ask(client, f"mrkl:{store.name}", task.question, options, backend)
        show.line(console, "")
        show.line(console, task.question, "bold")
        routing(events, console)
        said, _, by = answer.rpartition("\n\n")
        good = task.holds in said and task.expert in by
        show.line(console, f"  {show.shortened(said, 160)}", "green" if good else "bold red")
        show.line(console, f"  {by}", "dim")
        right += good
    return right


def routing(events: list[dict[str, Any]], console: Console) -> None:
    for event in events:
        match event["type"]:
            case "routed":
                near = ", ".join(
                    f"{one} {score:.3f}"
                    for one, score in zip(event["experts"], event["gates"][0], strict=True)
                    if score >= 0.1
                )
                show.line(
                    console,
                    f"  Near: {show.shortened(near or 'nobody', 110)}; {event['method']} chose {event['chosen'][0][0]}",
                    "cyan",
                )
            case "tool_called" if event["call"]["name"] != "router":
                done = f"{event['call']['name']} {event['call']['arguments']} -> {event['output']}"
                show.line(console, f"  {show.shortened(done, 150)}", "dim")
            case "warning":
                show.line(console, f"  Note: {show.shortened(event['message'], 150)}", "yellow")
