"""A mixture of experts over HTTP: a gate sends each question to one of three, and the trace counts who was called.

Without `--backend` the part of the models is a script, which this demo says. The gate, its figures, the capacity and
the answers quoted from documents are real.
"""

from __future__ import annotations

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
QUESTIONS = (
    ("How much is 216 times 0.36, less a discount of 10 percent?", "sums"),
    ("Which country had the densest charging network in 2023?", "documents"),
    ("Write a limerick about a driver who charges a car.", "verses"),
)
BATCH = (
    "A train leaves at 8:40 and travels 3 hours 35 minutes. When does it arrive?",
    "How much is 30 percent of 450?",
    "What is 12 times 15, divided by 9?",
)


def main(base_url: str, api_key: str | None, backend: str | None, console: Console, *, keep: bool = False) -> int:
    """Run the demo against the service at `base_url`; 0 if every question went where it belongs and no other was
    called."""
    if backend is None and urlsplit(base_url).hostname in LOOPBACK:
        backend = f"scripted:{SCRIPT}"
        show.line(console, "The models' part is played by a script; --backend lets a model play it.", "yellow")
    try:
        with connected(base_url, api_key) as client, collection(client, console, keep, "moe") as store:
            return tell(client, store, backend, console)
    except DemoFailed as error:
        show.line(console, f"The demo failed: {error}", "bold red")
        return 1


def tell(client: httpx.Client, store: Store, backend: str | None, console: Console) -> int:
    """Route single questions, then a batch with little room, then the same batch balanced; returns the exit code."""
    experts = experts_with(store)
    show.section(console, "Experts")
    show.table(console, ("name", "runs", "is for"), [(e["name"], parts_of(e), e["description"]) for e in experts])
    right = 0
    for question, expert in QUESTIONS:
        show.section(console, question)
        answer, events = ask(client, "moe", question, {"experts": experts}, backend)
        routes(console, [question], events)
        load = load_of(events)
        right += load["asked"] == [int(name == expert) for name in load["experts"]]
        show.line(console, f"Answer: {show.shortened(answer, 160)}", "green")
    show.section(console, "Four questions at once, three of them sums")
    questions = [BATCH[0], BATCH[1], QUESTIONS[2][0], BATCH[2]]
    for method, meaning in (
        ("top1", "Each expert takes at most 2 of the 4; what it has no room for passes by to the run's own backend."),
        ("base", "The assignment with the highest sum of scores under which each expert has one or two."),
    ):
        show.line(console, f"{method}: {meaning}", "bold")
        options = {"experts": experts, "method": method, "capacity_factor": 1.5, "questions": questions[1:]}
        _, events = ask(client, "moe", questions[0], options, backend)
        routes(console, questions, events)
    show.section(console, "Result")
    good = right == len(QUESTIONS)
    told = f"{right} of {len(QUESTIONS)} questions went to the expert they belong to, and no other was called."
    show.line(console, told, "green" if good else "bold red")
    return 0 if good else 1


def experts_with(store: Store) -> list[dict[str, Any]]:
    return [
        {
            "name": "documents",
            "description": "Facts about electric cars in Europe: countries, charging networks, prices, registrations.",
            "collection": store.id,
            "backend": "extractive",
        },
        {"name": "sums", "description": "Arithmetic word problems: how much, how many, percent.", "pipeline": "cot"},
        {"name": "verses", "description": "Poems, limericks and rhymes, written to order."},
    ]


def parts_of(expert: dict[str, Any]) -> str:
    if "collection" in expert:
        return f"rag on the documents, {expert['backend']}"
    return str(expert.get("pipeline", "chat"))


def load_of(events: list[dict[str, Any]]) -> dict[str, Any]:
    return next(event for event in events if event["type"] == "expert_load")


def routes(console: Console, questions: list[str], events: list[dict[str, Any]]) -> None:
    """The gates of each question, who was chosen, and what each expert was really asked."""
    routed, load = next(event for event in events if event["type"] == "routed"), load_of(events)
    rows = [
        (*(f"{gate:.3f}" for gate in gates), chosen[0] or "(passes by)", show.shortened(question, 50))
        for question, gates, chosen in zip(questions, routed["gates"], routed["chosen"], strict=True)
    ]
    show.table(console, (*routed["experts"], "goes to", "question"), rows, right=routed["experts"])
    calls = [f"{name} {asked}" for name, asked in zip(load["experts"], load["asked"], strict=True)]
    passed = f"; passed by {load['bypassed']}" if load["bypassed"] else ""
    show.line(console, f"Asked: {', '.join(calls)}{passed}. Room: {routed['capacity']} each.", "dim")
