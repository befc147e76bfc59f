"""Retrieval-augmented answers over HTTP: upload a small corpus in two languages, ask, and check every citation.

The answers of the first two questions stand in the corpus. The third one does not: the service should say so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
    file_ids: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    text: str
    citations: tuple[dict[str, Any], ...]
    run: dict[str, Any]
    """The reply's `sandtable` object: run id, backend, seconds."""


def main(
    base_url: str, api_key: str | None, backend: str | None, console: Console, *, keep: bool = False
) -> int:
    """Run the demo against the service at `base_url`; 0 if the answers carry citations and all of them hold."""
    try:
        with connected(base_url, api_key) as client:
            return _tell(client, backend, console, keep)
    except DemoFailed as error:
        show.line(console, f"The demo failed: {error}", "bold red")
        return 1


def _tell(client: httpx.Client, backend: str | None, console: Console, keep: bool) -> int:
    uploaded: list[str] = []
    store: Store | None = None
    try:
        store = _fill(client, console, uploaded)
        answers = [_ask(client, store, question, backend, console) for question in QUESTIONS]
        broken = [c for answer in answers for c in answer.citations if not _stands(client, store, c)]
        _stages(client, store, console)
        _trace(client, answers[0], console)
    finally:
        if not keep:
            _clean_up(client, store, uploaded)
    show.section(console, "Result")
    cited = sum(bool(answer.citations) for answer in answers[:ANSWERABLE])
    show.line(console, f"{cited} of {ANSWERABLE} answers carry citations; {len(broken)} citations do not hold.")
    if keep:
        show.line(console, f"The collection {store.name!r} stays; ask it with the model 'rag:{store.name}'.")
    return 0 if cited == ANSWERABLE and not broken else 1


def _fill(client: httpx.Client, console: Console, uploaded: list[str]) -> Store:
    """Make the collection. `uploaded` gets every file id at once, so that a failure half-way leaves nothing behind."""
    show.section(console, "Documents")
    show.line(console, "Invented figures about electric cars in Europe, 2013-2023, in English and Chinese.")
    paths = sorted(CORPUS.iterdir())
    name = unused_name(client, NAME)
    for path in paths:
        uploaded.append(upload(client, path))
    store_id = str(call(client, "POST", "/v1/vector_stores", json={"name": name})["id"])
    files = [
        {"file_id": file_id, "attributes": {"language": "en" if path.stem.isascii() else "zh"}}
        for path, file_id in zip(paths, uploaded, strict=True)
    ]
    with console.status("Reading and indexing..."):
        done = ingest(client, store_id, files)
    rows = [(f["filename"], f["status"], str(f["progress"]["total"]), f["attributes"]["language"]) for f in done]
    show.table(console, ("file", "status", "chunks", "language"), rows, right=("chunks",))
    failed = [f"{f['filename']}: {f['last_error']['message']}" for f in done if f["last_error"]]
    if failed:
        raise DemoFailed("; ".join(failed))
    return Store(store_id, name, tuple(uploaded))
