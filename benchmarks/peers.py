"""Sandtable in process and over HTTP beside what else one would take: the same passages, weights and threads, in turns.

Each side runs in processes of its own: one that takes the passages in and searches, and one that starts on what the
first has stored. Rounds alternate between the sides, so that each round has a ratio of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from benchmarks.environments import python_of
from benchmarks.harness import Report, median, quantile
from benchmarks.passages import passages
from benchmarks.serving import peak_mb, process, wait_at_rest
from benchmarks.traffic import Passage, put
from retrieval.embedders.weights import model_folder

ROOT = Path(__file__).resolve().parent
PEERS = ("by hand", "txtai", "LangChain + FAISS", "Chroma", "LanceDB")
SHOWN = {
    "in process": "Sandtable in process",
    "over HTTP": "Sandtable over HTTP",
    "raw": "our encoder + raw faiss",
    "by hand": "sentence-transformers + faiss by hand",
}
OURS = ("in process", "over HTTP")
ROUNDS, QUESTIONS, CLIENTS = 5, 150, 8
LIMITS = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "LANCE_CPU_THREADS"), "1"
)
QUIET = {"HF_HUB_OFFLINE": "1", "ANONYMIZED_TELEMETRY": "False", "TOKENIZERS_PARALLELISM": "false"}
VARIABLES = {**LIMITS, **QUIET}
HIGHER = ("ingest", "qps at 1", "qps")
"""Figures of which more is better."""


@dataclass(frozen=True)
class Work:
    passages: list[str]
    questions: list[str]

    def json(self) -> str:
        given = {"model": str(model_folder()), "passages": self.passages, "questions": self.questions}
        return json.dumps(given)


Side = Callable[[Work, Path], dict[str, float]]


def script(command: Sequence[str], work: Work, folder: Path) -> dict[str, float]:
    """A side that is a script: figures of its `fill`, then of its `open`."""

    def run(what: str) -> tuple[dict[str, Any], float]:
        began = time.perf_counter()
        done = subprocess.run(
            [*command, what, str(folder)],
            input=work.json(),
            capture_output=True,
            text=True,
            env={**os.environ, **VARIABLES},
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{command[-1]} {what} failed: {done.stderr[-2000:]}")
        return json.loads(done.stdout.splitlines()[-1]), time.perf_counter() - began

    found, _ = run("fill")
    disk = size(folder)
    return {**summed(work, found), "disk": disk, "start": run("open")[1]}


def summed(work: Work, found: Mapping[str, Any]) -> dict[str, float]:
    return {
        "ingest": len(work.passages) / found["ingest_s"],
        "p50": 1000 * median(found["alone"]),
        "p99": 1000 * quantile(found["alone"], 0.99),
        "qps at 1": len(found["alone"]) / sum(found["alone"]),
        "qps": found["qps"],
        "p50 at 8": 1000 * median(found["together"]),
        "p99 at 8": 1000 * quantile(found["together"], 0.99),
        "ram": found["ram_mb"],
    }


def size(folder: Path) -> float:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def over_http(work: Work, folder: Path) -> dict[str, float]:
    with served(folder) as (pid, client):
        made = client.post("/v1/vector_stores", json={"name": "peers", "sandtable": {"index": "flat"}})
        store = made.raise_for_status().json()["id"]
        wait_at_rest(pid)
        began = time.perf_counter()
        put(client, store, [Passage(text, 0) for text in work.passages])
        took = time.perf_counter() - began
        found = {"ingest_s": took, **_searches(partial(_search, client, store), work.questions)}
        found["ram_mb"] = peak_mb(pid)
    disk, began = size(folder), time.perf_counter()
    with served(folder) as (_, client):
        _search(client, store, work.questions[0])
        started = time.perf_counter() - began
    return {**summed(work, found), "disk": disk, "start": started}


@contextmanager
def served(folder: Path) -> Iterator[tuple[int, httpx.Client]]:
    """A service on `folder`: its process id, and a client of it."""
    command = [sys.executable, "-m", "server.cli.main", "serve", "--port", "0", "--data-dir", str(folder / "data")]
    with process(command, SANDTABLE_BACKEND="extractive", **VARIABLES) as running:
        assert running.stdout is not None
        url = running.stdout.readline().strip()
        if not url.startswith("http"):
            raise RuntimeError("the service did not start")
        with httpx.Client(base_url=url, timeout=300) as client:
            yield running.pid, client


def _search(client: httpx.Client, store: str, question: str) -> float:
    began = time.perf_counter()
    reply = client.post(f"/v1/vector_stores/{store}/search", json={"query": question}).raise_for_status()
    if len(reply.json()["data"]) != 10:
        raise RuntimeError(f"{question!r} was answered with {reply.text[:300]}")
    return time.perf_counter() - began


def _searches(search: Callable[[str], float], questions: Sequence[str]) -> dict[str, Any]:
    alone = [search(question) for question in questions]
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(search, questions[:CLIENTS]))
        began = time.perf_counter()
        together = list(pool.map(search, [*questions, *questions]))
        qps = len(together) / (time.perf_counter() - began)
    return {"alone": alone, "together": together, "qps": qps}


def sides() -> dict[str, Side]:
    """Raises NotInstalled."""
    python = str(python_of(ROOT / "clients" / "peers.txt"))
    ours = [sys.executable, "-m", "benchmarks.in_process"]
    made: dict[str, Side] = {name: partial(script, [*ours, name]) for name in ("in process", "raw")}
    made["over HTTP"] = over_http
    theirs = [python, str(ROOT / "clients" / "side.py")]
    return made | {name: partial(script, [*theirs, name]) for name in PEERS}


def run(data: Path, size: int = 1_000) -> Report:
    texts, questions = passages(data, size)
    work, taken = Work(texts, questions[:QUESTIONS]), list[dict[str, dict[str, float]]]()
    for _ in range(ROUNDS):
        found = {}
        for name, side in sides().items():
            with tempfile.TemporaryDirectory(prefix="sandtable-peers-") as folder:
                found[name] = side(work, Path(folder))
        taken.append(found)
    return report(taken, work)


def ratios(taken: Sequence[Mapping[str, Mapping[str, float]]], ours: str, other: str, figure: str) -> list[float]:
    """How many times better ours was, a round each."""
    pairs = [(found[ours][figure], found[other][figure]) for found in taken]
    return sorted(a / b if figure in HIGHER else b / a for a, b in pairs)


def report(taken: Sequence[Mapping[str, Mapping[str, float]]], work: Work) -> Report:
    rows, figures = [], {}
    for name in (*OURS, "raw", *PEERS):
        found = {figure: median([each[name][figure] for each in taken]) for figure in taken[0][name]}
        row = [SHOWN.get(name, name), *(f"{found[figure]:.3g}" for figure in FIGURES)]
        for figure in ("ingest", "p50", "qps"):
            shown = []
            for ours in OURS if name not in OURS else ():
                each = ratios(taken, ours, name, figure)
                figures[f"{ours} / {name} {figure}"] = each
                shown.append(f"{median(each):.2f} ({each[0]:.2f}-{each[-1]:.2f})")
            row.append("; ".join(shown))
        rows.append(row)
        figures |= {f"{name} {figure}": value for figure, value in found.items()}
    return Report(
        name="peers",
        title="Beside what else one would take",
        method=(
            f"{len(work.passages):,} passages and {len(work.questions)} questions, the weights of all-MiniLM-L6-v2 "
            "for all: the peers by sentence-transformers (torch, float32), ours in its int8 graph. One thread a call "
            f"for everybody, both cores free for concurrent calls; {ROUNDS} rounds in turns. Ten texts a question, an "
            "exact or default index. RAM is the peak, start is from nothing to the first answer on what was stored. "
            "Times better are those of ours in process; over HTTP, with the range over the rounds. `our encoder + raw "
            "faiss` searches on one thread, the eight in turns: ours embeds on one thread too, and does the rest "
            "(texts from the database, scores of each stage, what was deleted meanwhile) beside it. Ingest of ours is "
            "each passage as a file: stored, read, cut, committed and indexed one by one, and over "
            "HTTP uploaded too, to a service that has warmed up; the others are given all texts in one call and keep "
            "them once, at the end."
        ),
        columns=("side", *FIGURES.values(), "ingest, times better", "p50, times better", "QPS, times better"),
        rows=rows,
        figures=figures,
    )


FIGURES = {
    "ingest": "passages/s", "p50": "p50 ms", "p99": "p99 ms", "qps at 1": "QPS at 1", "qps": "QPS at 8",
    "p50 at 8": "p50 ms at 8", "p99 at 8": "p99 ms at 8",
    "ram": "RAM MB", "disk": "disk MB", "start": "start s",
}  # fmt: skip
