"""Retrieval-augmented answers over HTTP: upload a small corpus in two languages, ask, and check every citation.

The answers of the first two questions stand in the corpus. The third one does not: the service should say so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demos import show
from demos.service import DemoFailed, call, chat, connected, ingest, unused_name, upload

if TYPE_CHECKING:
    import httpx
    from rich.console import Console

CORPUS = Path(__file__).parent / "corpus"
NAME = "electric-cars"
QUESTIONS = (
    "How many lamp posts had Rotterdam fitted with sockets by the end of 2022?",
    "乌得勒支的星光电价夜间每度电多少钱？",
    "How many hydrogen buses did Vienna order in 2019?",
)
ANSWERABLE = 2
"""The first so many questions have an answer in the corpus."""


@dataclass(frozen=True)
class Store:
    id: str
    name: str


@dataclass(frozen=True)
class Answer:
    text: str
    citations: tuple[dict[str, Any], ...]
    reasoning: str
    run: dict[str, Any]
    """The reply's `sandtable` object: run id, backend, seconds."""
    first_word: float
    seconds: float
    """Until the answer began, and until its end: both by the clock of this process."""


def main(base_url: str, api_key: str | None, backend: str | None, console: Console, *, keep: bool = False) -> int:
    """Run the demo against the service at `base_url`; 0 if the answers carry citations and all of them hold."""
    try:
        with connected(base_url, api_key) as client, collection(client, console, keep) as store:
            return tell(client, store, backend, console)
    except DemoFailed as error:
        show.line(console, f"The demo failed: {error}", "bold red")
        return 1


@contextmanager
def collection(client: httpx.Client, console: Console, keep: bool, pipeline: str = "rag") -> Iterator[Store]:
    """The corpus in a collection of its own, which is deleted with its files afterwards unless it is to stay."""
    show.section(console, "Documents")
    show.line(console, "Invented figures about electric cars in Europe, 2013-2023, in English and Chinese.")
    with ExitStack() as undo:
        name = unused_name(client, NAME)
        store = Store(str(call(client, "POST", "/v1/vector_stores", json={"name": name})["id"]), name)
        undo.callback(call, client, "DELETE", f"/v1/vector_stores/{store.id}")
        files = []
        for path in sorted(CORPUS.iterdir()):
            file_id = upload(client, path)
            undo.callback(call, client, "DELETE", f"/v1/files/{file_id}")
            files.append({"file_id": file_id, "attributes": {"language": "en" if path.stem.isascii() else "zh"}})
        with console.status("Reading and indexing..."):
            done = ingest(client, store.id, files)
        show.files(console, done)
        yield store
        if keep:
            undo.pop_all()
            show.line(console, f"The collection {name!r} stays: ask the model '{pipeline}:{name}'.")


def tell(client: httpx.Client, store: Store, backend: str | None, console: Console) -> int:
    """Ask every question, show what stands behind the answers, and judge them; returns the exit code."""
    answers, broken = [], 0
    for question in QUESTIONS:
        show.section(console, question)
        answers.append(ask(client, store, question, backend, console))
        broken += sum(not holds(client, store, citation, console) for citation in answers[-1].citations)
    show.section(console, f"How the search found it: {QUESTIONS[0]}")
    body = {"query": QUESTIONS[0], "max_num_results": 5, "explain": True}
    show.stages(console, call(client, "POST", f"/v1/vector_stores/{store.id}/search", json=body)["data"])
    path = f"/v1/runs/{answers[0].run['run_id']}/events"
    show.section(console, f"The trace of the first answer: GET {path}")
    show.trace(console, call(client, "GET", path)["data"])
    show.section(console, "Result")
    cited = sum(bool(answer.citations) for answer in answers[:ANSWERABLE])
    good = cited == ANSWERABLE and not broken
    summary = f"{cited} of {ANSWERABLE} answers carry citations; citations that do not hold: {broken}."
    show.line(console, summary, "green" if good else "bold red")
    return 0 if good else 1


def ask(client: httpx.Client, store: Store, question: str, backend: str | None, console: Console) -> Answer:
    """Ask and print the answer while it is made, then who made it and how long it took."""
    body: dict[str, Any] = {"model": f"rag:{store.name}", "messages": [{"role": "user", "content": question}]}
    if backend is not None:
        body["sandtable"] = {"backend": backend}
    answer = read(chat(client, body), partial(show.piece, console))
    show.line(console, "")
    if note := next((line for line in answer.reasoning.splitlines() if line.startswith("Note: ")), None):
        show.line(console, note, "yellow")
    run = answer.run
    took = f"first word after {answer.first_word:.2f} s, all after {answer.seconds:.2f} s"
    show.line(console, f"{run['backend']}, {took}, run {run['run_id']}", "dim")
    return answer


def read(chunks: Iterator[dict[str, Any]], say: Callable[[str], None]) -> Answer:
    """Fold the chunks of a stream into an answer, handing on its text piece by piece."""
    begun, first_word = time.monotonic(), 0.0
    text, reasoning = "", ""
    run: dict[str, Any] = {}
    citations: list[dict[str, Any]] = []
    for chunk in chunks:
        run = chunk.get("sandtable", run)
        delta = chunk["choices"][0]["delta"] if chunk["choices"] else {}
        if piece := delta.get("content"):
            first_word = first_word or time.monotonic() - begun
            say(piece)
            text += piece
        reasoning += delta.get("reasoning_content") or ""
        citations += delta.get("annotations") or []
    return Answer(text, tuple(citations), reasoning, run, first_word, time.monotonic() - begun)


def holds(client: httpx.Client, store: Store, citation: dict[str, Any], console: Console) -> bool:
    """Whether the quoted words stand at their place in the file, as the service itself gives it out."""
    path = f"/v1/vector_stores/{store.id}/files/{citation['file_id']}/content"
    content = "".join(part["text"] for part in call(client, "GET", path)["data"])
    start, end, quote = citation["start"], citation["end"], citation["quote"]
    found = bool(content[start:end] == quote)
    verdict = "stands there" if found else "DOES NOT STAND THERE"
    place = f"{citation['filename']}, characters {start}-{end}, {verdict}: "
    show.line(console, f"  {place}{show.shortened(quote, 160)!r}", "green" if found else "bold red")
    return found
