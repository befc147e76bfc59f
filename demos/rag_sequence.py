"""RAG-Sequence and RAG-Token over HTTP: the passages summed out, and which of them carried the answer.

Without `--backend` the model is a table of probabilities, which this demo says. The passages, their scores and all sums
are real. With `--backend hf:MODEL_OR_PATH` a model of transformers takes its place.
"""

from __future__ import annotations

from math import exp
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

TABLE = Path(__file__).with_suffix(".json")
QUESTION = "What did charging a car cost for each kilowatt hour in 2023?"
SHARP = 0.1
WAYS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("rag_sequence", "Thorough, with a nearly even prior", {}),
    ("rag_sequence", "Thorough, with the scores at a temperature of 0.1", {"score_temperature": SHARP}),
    ("rag_sequence", "Fast, with two beams", {"score_temperature": SHARP, "decoding": "fast", "beams": 2}),
    ("rag_token", "Token by token", {"score_temperature": SHARP}),
)


def main(base_url: str, api_key: str | None, backend: str | None, console: Console, *, keep: bool = False) -> int:
    """Run the demo against the service at `base_url`; 0 if the sums are what they must be."""
    if backend is None and urlsplit(base_url).hostname in LOOPBACK:
        backend = f"table:{TABLE}"
        show.line(
            console, "The model is a table of probabilities; --backend hf:MODEL_OR_PATH takes a real one.", "yellow"
        )
    try:
        with connected(base_url, api_key) as client, collection(client, console, keep, "rag_sequence") as store:
            return tell(client, store, backend, console)
    except DemoFailed as error:
        show.line(console, f"The demo failed: {error}", "bold red")
        return 1


def tell(client: httpx.Client, store: Store, backend: str | None, console: Console) -> int:
    """Ask in each way; returns the exit code."""
    told = []
    show.section(console, QUESTION)
    for pipeline, meaning, options in WAYS:
        show.section(console, f"{pipeline}: {meaning}")
        answer, events = ask(client, f"{pipeline}:{store.id}", QUESTION, {"k": 4, **options}, backend)
        told.append(next(event for event in events if event["type"] == "marginalised"))
        weights(console, told[-1])
        show.line(console, f"Answer: {answer}", "green")
        for bias in told[-1]["biases"]:
            show.line(console, f"Bias: {bias}.", "dim")
    show.section(console, "Result")
    thorough, fast = (odds(one) for one in told[1:3])
    good = all(p <= thorough.get(text, 1.0) + 1e-9 for text, p in fast.items())
    good &= all(abs(sum(one["posterior"] for one in event["documents"]) - 1) < 1e-9 for event in told)
    words = "The shares sum to one each time, and Fast gives no answer more than Thorough."
    show.line(console, words if good else "The sums are not what they must be.", "green" if good else "bold red")
    return 0 if good else 1


def odds(event: dict[str, Any]) -> dict[str, float]:
    return {one["text"]: 0.0 if one["logprob"] is None else exp(one["logprob"]) for one in event["hypotheses"]}


def weights(console: Console, event: dict[str, Any]) -> None:
    """What each answer is worth, and each passage's share before and after it."""
    rows = [(f"{p:.4f}", text) for text, p in odds(event).items()]
    show.table(console, ("p(y|x)", "answer"), rows, right=("p(y|x)",))
    shares = [
        (f"{one['score']:.3f}", f"{one['prior']:.4f}", f"{one['posterior']:.4f}", one["filename"])
        for one in event["documents"]
    ]
    columns = ("score", "p(z|x)", "p(z|x,y)", "passage of")
    show.table(console, columns, shares, right=columns[:3])
