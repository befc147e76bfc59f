"""A model that calls tools, over HTTP: calls side by side, a wrong call corrected, and one that waits for a person.

Without `--backend` the model's part is a script, which this demo says: what the script calls is really searched and
computed, and its answers are checked like those of any model.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from demos import show
from demos.rag import Answer, Store, collection, holds, read
from demos.service import LOOPBACK, DemoFailed, Refused, call, chat, connected

if TYPE_CHECKING:
    import httpx
    from rich.console import Console

SCRIPT = Path(__file__).with_suffix(".json")
WAIT_SECONDS = 300.0
POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Task:
    question: str
    shows: str
    approve: tuple[str, ...] = ()
    """Tools that a person is asked about."""


TASKS = (
    Task(
        "By how many percent did charging at home get dearer from 2019 to 2023, and how far is Utrecht's night tariff "
        "below the price of 2023?",
        "Calls that do not depend on each other are made side by side.",
    ),
    Task(
        "荷兰的公共充电点占五国总数的百分之几？",
        "A call that does not fit the tool's schema is told why, and corrected.",
    ),
    Task(
        "What do 12,000 kilowatt hours cost at a fast charger on the motorway?",
        "A person is asked before the calculator is called, and changes 12000 to 1200.",
        ("calculator",),
    ),
)


def main(base_url: str, api_key: str | None, backend: str | None, console: Console, *, keep: bool = False) -> int:
    """Run the demo against the service at `base_url`; 0 if every task got an answer and all citations hold."""
    if backend is None and urlsplit(base_url).hostname in LOOPBACK:
        backend = f"scripted:{SCRIPT}"
        show.line(console, "The model's part is played by a script; --backend lets a model play it.", "yellow")
    try:
        with connected(base_url, api_key) as client, collection(client, console, keep, "function_calling") as store:
            return tell(client, store, backend, console)
    except DemoFailed as error:
        show.line(console, f"The demo failed: {error}", "bold red")
        return 1


def tell(client: httpx.Client, store: Store, backend: str | None, console: Console) -> int:
    """Give every task, show its calls, and judge the answers; returns the exit code."""
    answered, broken = 0, 0
    for task in TASKS:
        show.section(console, task.question)
        show.line(console, task.shows, "dim")
        answer, runs = ask(client, store, task, backend, console)
        show.line(console, "")
        calls(client, runs, console)
        answered += bool(answer.text)
        broken += sum(not holds(client, store, citation, console) for citation in answer.citations)
    show.section(console, "Result")
    good = answered == len(TASKS) and not broken
    summary = f"{answered} of {len(TASKS)} tasks have an answer; citations that do not hold: {broken}."
    show.line(console, summary, "green" if good else "bold red")
    return 0 if good else 1


def ask(
    client: httpx.Client, store: Store, task: Task, backend: str | None, console: Console
) -> tuple[Answer, list[str]]:
    """The answer, printed as it is made, and the ids of the runs that it took."""
    extension: dict[str, Any] = {"options": {"k": 3, "approve": list(task.approve)}}
    if backend is not None:
        extension["backend"] = backend
    messages = [{"role": "user", "content": task.question}]
    body = {"model": f"function_calling:{store.name}", "messages": messages, "sandtable": extension}
    try:
        answer = read(chat(client, body), partial(show.piece, console))
        return answer, [answer.run["run_id"]]
    except Refused as error:
        if error.code != "run_interrupted":
            raise
        return approved(client, error.about["run_id"], console)


def approved(client: httpx.Client, run_id: str, console: Console) -> tuple[Answer, list[str]]:
    """Play the person: agree to what is asked, with one nought less where there is one; until the run has ended."""
    begun, runs = time.monotonic(), [run_id]
    while questions := call(client, "GET", f"/v1/runs/{runs[-1]}")["questions"]:
        answers = {question["id"]: decision(question["value"]["details"], console) for question in questions}
        made = call(client, "POST", f"/v1/runs/{runs[-1]}/resume", json={"answers": answers})
        runs.append(made["id"])
        run = ended(client, made["id"])
        if run["status"] not in ("success", "waiting"):
            raise DemoFailed(f"the run {run['id']} ended as {run['status']!r}")
    events = call(client, "GET", f"/v1/runs/{runs[-1]}/events")["data"]
    show.piece(console, run["answer"])
    seconds = time.monotonic() - begun
    return Answer(run["answer"], tuple(events[-1]["citations"]), "", {"run_id": runs[-1]}, seconds, seconds), runs


def decision(details: dict[str, Any], console: Console) -> dict[str, Any]:
    given = details["arguments"]
    changed = {
        name: value.replace("12000", "1200") if isinstance(value, str) else value for name, value in given.items()
    }
    show.line(console, f"Asked: call {details['tool']} with {given}", "yellow")
    if changed == given:
        show.line(console, "Answer: yes", "yellow")
        return {"approved": True}
    show.line(console, f"Answer: yes, with {changed}", "yellow")
    return {"approved": True, "edit": changed}


def ended(client: httpx.Client, run_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + WAIT_SECONDS
    while (run := call(client, "GET", f"/v1/runs/{run_id}"))["status"] in ("queued", "running"):
        if time.monotonic() > deadline:
            raise DemoFailed(f"the run {run_id} has not ended after {WAIT_SECONDS:.0f} s")
        time.sleep(POLL_SECONDS)
    return run


def calls(client: httpx.Client, runs: list[str], console: Console) -> None:
    """Every tool call of the runs, in the order in which the model asked for them."""
    for run_id in runs:
        asked, found = 0, []
        for event in call(client, "GET", f"/v1/runs/{run_id}/events")["data"]:
            asked += event["type"] == "llm_called"
            if event["type"] == "tool_called":
                found.append((asked, event["call"]["id"], event))
        for _, _, event in sorted(found, key=lambda one: one[:2]):
            wanted, said = show.shortened(event["call"]["arguments"], 80), show.shortened(event["output"], 100)
            line = f"  {event['call']['name']} {wanted} -> {event['fault'] or 'ok'}: {said}"
            show.line(console, line, "dim" if event["ok"] else "yellow")
