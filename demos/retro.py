"""RETRO's retrieval side over HTTP: a text written chunk by chunk, each with the neighbours of the one before.

Without `--backend` the model's part is a script, which this demo says. What is searched, found and checked is real.
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
QUESTION = "How did charging an electric car change for drivers?"


def main(base_url: str, api_key: str | None, backend: str | None, console: Console, *, keep: bool = False) -> int:
    """Run the demo against the service at `base_url`; 0 if every statement's source bears it out."""
    if backend is None and urlsplit(base_url).hostname in LOOPBACK:
        backend = f"scripted:{SCRIPT}"
        show.line(console, "The model's part is played by a script; --backend lets a model play it.", "yellow")
    try:
        with connected(base_url, api_key) as client, collection(client, console, keep, "retro") as store:
            return tell(client, store, backend, console)
    except DemoFailed as error:
        show.line(console, f"The demo failed: {error}", "bold red")
        return 1


def tell(client: httpx.Client, store: Store, backend: str | None, console: Console) -> int:
    """Ask, and show for each chunk what was searched with, what stood before the model, and what it wrote."""
    show.section(console, QUESTION)
    answer, events = ask(client, f"retro:{store.name}", QUESTION, {}, backend)
    number = 0
    for event in events:
        match event["type"]:
            case "retrieved" if event["k"] == 2:
                show.line(console, f"\nSearched with: …{show.shortened(event['query'][-110:], 110)}", "bold")
            case "llm_called":
                number += 1
                neighbours(console, event["request"]["sources"])
                show.line(console, f"Chunk {number}: {event['completion']['message']['content']}", "green")
            case "warning":
                show.line(console, f"Note: {event['message']}", "yellow")
    show.section(console, "The text, its sources checked")
    show.line(console, answer)
    cited = events[-1]["citations"]
    for citation in cited:
        show.line(console, f"  {citation['filename']}: “{show.shortened(citation['quote'], 110)}”", "dim")
    good = number >= 2 and bool(cited) and not any(event["type"] == "warning" for event in events)
    told = f"{number} chunks, {len(cited)} citations that the documents bear out."
    show.line(console, told, "green" if good else "bold red")
    return 0 if good else 1


def neighbours(console: Console, sources: list[dict[str, Any]]) -> None:
    """Beginning and end of each: the chunk that was found, and what follows it."""
    rows = [
        (source["title"], f"{show.shortened(source['text'], 70)} … {' '.join(source['text'].split())[-50:]}")
        for source in sources
    ]
    show.table(console, ("neighbour of", "[N, F]"), rows)
