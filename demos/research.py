"""Research over HTTP: a plan that a person changes, passages, figures out of a table, a chart, and a cited report.

Without `--backend` the model's part is a script, which this demo says: the plan, the query, the code and the report are
written down in it. The search, the query, the code in its sandbox, and every check are real. What comes out is looked
at from outside: the picture is opened, what it shows is compared with the table, each quotation with its document.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from demos import show
from demos.function_calling import ended
from demos.picture import looks
from demos.rag import CORPUS, Store, collection, holds, read
from demos.service import LOOPBACK, DemoFailed, Refused, call, chat, connected

if TYPE_CHECKING:
    import httpx
    from rich.console import Console

SCRIPT = Path(__file__).with_suffix(".json")
TABLE = CORPUS / "registrations.csv"


@dataclass(frozen=True)
class Task:
    question: str
    change: Mapping[str, Any]
    """What the person changes in the plan; nothing: the plan is agreed to."""


TASKS = (
    Task(
        "How did the European market for electric cars grow over the last ten years, and what did that do to "
        "environmental policy? Show the growth in a chart.",
        {},
    ),
    Task(
        "过去十年欧洲电动汽车市场增长了多少？这对环境政策有什么影响？请用图表说明。",
        {
            "questions": ["2013年和2023年各有多少新电动汽车？", "有多少城市设有低排放区？", "氮氧化物浓度有什么变化？"],
            "chart": "每年新电动汽车数量的柱状图",
        },
    ),
)


def main(base_url: str, api_key: str | None, backend: str | None, console: Console, *, keep: bool = False) -> int:
    """Run the demo against the service at `base_url`; 0 if each report has a chart, and all holds."""
    if backend is None and urlsplit(base_url).hostname in LOOPBACK:
        backend = f"scripted:{SCRIPT}"
        show.line(console, "The model's part is played by a script; --backend lets a model play it.", "yellow")
    try:
        with connected(base_url, api_key) as client, collection(client, console, keep, "research") as store:
            good = [researched(client, store, task, backend, console) for task in TASKS]
    except DemoFailed as error:
        show.line(console, f"The demo failed: {error}", "bold red")
        return 1
    show.section(console, "Result")
    summary = f"{sum(good)} of {len(TASKS)} reports have a chart and citations, and all of them hold."
    show.line(console, summary, "green" if all(good) else "bold red")
    return 0 if all(good) else 1


def researched(client: httpx.Client, store: Store, task: Task, backend: str | None, console: Console) -> bool:
    """Ask, play the person, show what was done, and check what came out."""
    show.section(console, task.question)
    run = answered(client, begun(client, store, task, backend), task, console)
    events = call(client, "GET", f"/v1/runs/{run['id']}/events", params={"limit": 10_000})["data"]
    for event in events:
        told(event, console)
    show.line(console, f"\n{run['answer']}\n")
    citations = [citation for event in events[-1:] for citation in event["citations"]]
    broken = sum(not holds(client, store, citation, console) for citation in citations)
    pictures = [event for event in events if event["type"] == "artifact" and event["media_type"] == "image/png"]
    fine = [drawn(client, picture, console) for picture in pictures]
    compared = series(events, console)
    return bool(citations) and not broken and bool(fine) and all(fine) and compared


def begun(client: httpx.Client, store: Store, task: Task, backend: str | None) -> str:
    """Ask for a plan; the id of the run that waits for a person."""
    extension: dict[str, Any] = {"options": {"review": True}} | ({"backend": backend} if backend is not None else {})
    messages = [{"role": "user", "content": task.question}]
    body = {"model": f"research:{store.name}", "messages": messages, "sandtable": extension}
    try:
        answer = read(chat(client, body), lambda _: None)
    except Refused as error:
        if error.code == "run_interrupted":
            return str(error.about["run_id"])
        raise
    raise DemoFailed(f"nobody was asked about the plan; the answer is {answer.text!r}")


def answered(client: httpx.Client, run_id: str, task: Task, console: Console) -> dict[str, Any]:
    """Show the plan, say yes or change it, and wait for the report."""
    (question,) = call(client, "GET", f"/v1/runs/{run_id}")["questions"]
    planned = question["value"]["details"]
    show.line(console, "The plan, as a person is asked about it:", "yellow")
    plan(planned, console)
    answer: dict[str, Any] = {"approved": True}
    if task.change:
        answer["edit"] = dict(task.change)
        show.line(console, "The person changes it:", "yellow")
        plan({**planned, **task.change}, console)
    else:
        show.line(console, "The person says yes.", "yellow")
    made = call(client, "POST", f"/v1/runs/{run_id}/resume", json={"answers": {question["id"]: answer}})
    run = ended(client, made["id"])
    if run["status"] != "success":
        raise DemoFailed(f"the run {run['id']} ended as {run['status']!r}")
    return run


def plan(planned: Mapping[str, Any], console: Console) -> None:
    for question in planned["questions"]:
        show.line(console, f"  find out: {question}", "dim")
    show.line(console, f"  compute: {planned['figures']}", "dim")
    show.line(console, f"  draw: {planned['chart']}", "dim")


def told(event: dict[str, Any], console: Console) -> None:
    match event["type"]:
        case "retrieved":
            show.line(console, f"Searched: {show.shortened(event['query'], 100)}: {len(event['hits'])} passages")
        case "tool_called" if event["call"]["name"] == "sql" and event["call"]["id"] != "look":
            show.line(console, f"Computed: {show.shortened(event['call']['arguments'], 200)}")
        case "tool_called" if event["call"]["name"] == "python":
            show.line(console, f"Drawn in the sandbox: {'ok' if event['ok'] else event['fault']}")
        case "validated":
            show.line(console, f"The chart: {event['message']}", "green" if event["ok"] else "bold red")
        case "warning":
            show.line(console, f"Note: {event['message']}", "yellow")


def drawn(client: httpx.Client, picture: Mapping[str, Any], console: Console) -> bool:
    """Whether the picture, as the service gives it out, is a picture of something."""
    path = f"/v1/files/{picture['file_id']}/content"
    response = client.get(path)
    size = looks(response.content)
    if size is None:
        show.line(console, f"  {picture['filename']}: NO PICTURE, or a blank one", "bold red")
        return False
    attached = bool(response.headers.get("content-disposition", "").startswith("attachment"))
    about = f"{size.width} x {size.height} pixels, {size.colours} colours" + ("" if attached else ", NOT AN ATTACHMENT")
    show.line(console, f"  {picture['filename']} (GET {path}): {about}", "green" if attached else "bold red")
    return attached


def series(events: list[dict[str, Any]], console: Console) -> bool:
    """Whether the chart's values are the table's, added up here once more from the file itself."""
    totals: dict[str, int] = defaultdict(int)
    with TABLE.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            totals[row["year"]] += int(row["new_electric_cars"])
    expected = [totals[year] for year in sorted(totals)]
    updates = [event["update"] for event in events if event["type"] == "step_finished"]
    shown = [series["values"] for update in updates for series in update.get("series", [])]
    good = shown == [expected]
    verdict = "equal the table's sums" if good else f"ARE NOT the table's sums: {shown}"
    show.line(console, f"  the chart's {len(expected)} values {verdict}", "green" if good else "bold red")
    return good
