"""Toolformer over HTTP: the model calls tools in the middle of its text, and goes on from what they say.

Without `--backend` the model's part is a script, which this demo says. What its calls ask for is really computed,
looked up and put into the text.
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
    shows: str
    holds: str
    """What the answer must say."""
    calls: int = 1


TASKS = (
    Task("What do 42 kilowatt hours cost at 0.61 euros each?", "One call in a text, as in the paper.", "25.62"),
    Task("1976年7月4日是星期几？", "Without a result the model would guess the weekday.", "星期日"),
    Task(
        "How many times as many charging points had the Netherlands as Germany at the end of 2023?",
        "Two calls: a page of the documents, then the calculator. The option max_calls is 2.",
        "1.23",
        2,
    ),
    Task("What is the English word for Ladesäule?", "The tool asks the same model by itself.", "charging"),
    Task("What is 12 divided by 0?", "A tool that fails says so, and the text goes on.", "zero"),
    Task("Where do I read about the Amber Line?", "Links, markers and arrows are no calls.", "charging-network.md", 0),
)


def main(base_url: str, api_key: str | None, backend: str | None, console: Console, *, keep: bool = False) -> int:
    """Run the demo against the service at `base_url`; 0 if every answer says what it must, after the calls it needs."""
    if backend is None and urlsplit(base_url).hostname in LOOPBACK:
        backend = f"scripted:{SCRIPT}"
        show.line(console, "The model's part is played by a script; --backend lets a model play it.", "yellow")
    try:
        with connected(base_url, api_key) as client, collection(client, console, keep, "toolformer") as store:
            return tell(client, store, backend, console)
    except DemoFailed as error:
        show.line(console, f"The demo failed: {error}", "bold red")
        return 1


def tell(client: httpx.Client, store: Store, backend: str | None, console: Console) -> int:
    """Ask, and show piece by piece what the model wrote and what its calls brought."""
    right = 0
    for task in TASKS:
        show.section(console, task.question)
        show.line(console, task.shows, "dim")
        options = {"max_calls": max(1, task.calls), "k": 1}
        answer, events = ask(client, f"toolformer:{store.name}", task.question, options, backend)
        pieces(events, console)
        made = sum(event["type"] == "tool_called" for event in events)
        good = task.holds in answer and made == task.calls
        show.line(console, f"Answer: {answer}", "green" if good else "bold red")
        right += good
    show.section(console, "Result")
    told = f"{right} of {len(TASKS)} texts say what they must, with the calls that they need."
    show.line(console, told, "green" if right == len(TASKS) else "bold red")
    return 0 if right == len(TASKS) else 1


def pieces(events: list[dict[str, Any]], console: Console) -> None:
    for event in events:
        match event["type"]:
            case "llm_called" if event["request"]["subject"].get("stage") == "write":
                show.line(console, f"  writes  {show.shortened(event['completion']['message']['content'], 150)}")
            case "tool_called":
                done = f"{event['call']['name']} {event['call']['arguments']} -> {event['output']}"
                show.line(console, f"  called  {show.shortened(done, 150)}", "cyan" if event["ok"] else "yellow")
            case "warning":
                show.line(console, f"  Note: {show.shortened(event['message'], 150)}", "yellow")
