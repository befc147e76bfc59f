"""ReAct over HTTP: questions whose answer stands on no single page, looked up page by page, thought by thought.

Without `--backend` the model's part is a script, which this demo says: what the script does is really looked up.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from demos import show
from demos.rag import Store, collection
from demos.service import LOOPBACK, DemoFailed, call, connected

if TYPE_CHECKING:
    import httpx
    from rich.console import Console

SCRIPT = Path(__file__).with_suffix(".json")


@dataclass(frozen=True)
class Task:
    question: str
    answers: tuple[str, ...]
    """Words of which one stands in a right answer."""
    shows: str


TASKS = (
    Task(
        "Since when must dealers hand over a battery certificate in the country with the densest charging network?",
        ("July 2022",),
        "One page names the country, another the month. The first search misses, and is told the nearest titles.",
    ),
    Task(
        "试行星光电价的城市在哪个国家？这个国家2023年底有多少个公共充电点？",
        ("106,932", "106932", "106，932"),
        "The tariff stands on a Chinese page, the number of points on an English one.",
    ),
)


def main(base_url: str, api_key: str | None, backend: str | None, console: Console, *, keep: bool = False) -> int:
    """Run the demo against the service at `base_url`; 0 if every question came to an answer within its steps."""
    if backend is None and urlsplit(base_url).hostname in LOOPBACK:
        backend = f"scripted:{SCRIPT}"
        show.line(console, "The model's part is played by a script; --backend lets a model play it.", "yellow")
    try:
        with connected(base_url, api_key) as client, collection(client, console, keep, "react") as store:
            return tell(client, store, backend, console)
    except DemoFailed as error:
        show.line(console, f"The demo failed: {error}", "bold red")
        return 1


def tell(client: httpx.Client, store: Store, backend: str | None, console: Console) -> int:
    came, right = 0, 0
    for task in TASKS:
        show.section(console, task.question)
        show.line(console, task.shows, "dim")
        answer, events = ask(client, f"react:{store.name}", task.question, {}, backend)
        steps = [event["update"] for event in events if event["type"] == "step_finished"]
        for line in next(update["transcript"] for update in reversed(steps) if "transcript" in update):
            show.line(console, f"  {show.shortened(line, 170)}", "dim" if line.startswith("Observation") else "")
        good = any(words in answer for words in task.answers)
        show.line(console, f"Answer: {answer}", "green" if good else "bold red")
        came += not any(update.get("forced") for update in steps)
        right += good
    show.section(console, "Result")
    summary = f"{came} of {len(TASKS)} questions came to an answer within their steps; right: {right}."
    show.line(console, summary, "green" if came == right == len(TASKS) else "bold red")
    return 0 if came == len(TASKS) else 1


def ask(
    client: httpx.Client, model: str, question: str, options: dict[str, Any], backend: str | None
) -> tuple[str, list[dict[str, Any]]]:
    """The answer, and the run's events."""
    extension: dict[str, Any] = {"options": options} | ({"backend": backend} if backend is not None else {})
    body = {"model": model, "messages": [{"role": "user", "content": question}], "sandtable": extension}
    reply = call(client, "POST", "/v1/chat/completions", json=body)
    events = call(client, "GET", f"/v1/runs/{reply['sandtable']['run_id']}/events", params={"limit": 10_000})["data"]
    return str(reply["choices"][0]["message"]["content"]), events
