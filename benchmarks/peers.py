"""The same passages and questions in Sandtable and in five other ways to search by meaning, in one run.

Every side is a process of its own, one after the other in each round, with the same weights and one thread for the
model. The others embed with sentence-transformers, which is what their own documentation shows; so does `by hand`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from benchmarks.harness import Report, median, quantile
from benchmarks.passages import passages
from benchmarks.serving import process
from benchmarks.traffic import Passage, put

SIZE, QUESTIONS, ROUNDS = 1_000, 100, 3
CLIENTS = 8
FOLDER = Path(__file__).parent / "clients"
OTHERS = ("by hand", "txtai", "LangChain + FAISS", "Chroma", "LanceDB")
OWN = ("raw", "in process", "HTTP")
NAMES = {"raw": "our encoder + faiss by hand", "in process": "Sandtable, in process", "HTTP": "Sandtable, over HTTP"}


def others_python() -> Path:
    """The interpreter of the others' environment: BENCH_PEERS names one; else it is made once in the user's cache."""
    from platformdirs import user_cache_dir

    given = os.environ.get("BENCH_PEERS")
    folder = Path(given) if given else Path(user_cache_dir("sandtable", appauthor=False)) / "bench-peers"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "-r", str(FOLDER / "side.txt")], check=True)
    return python


def ran(command: Sequence[str], folder: Path, given: str) -> tuple[dict[str, Any], float]:
    """What a side's process said, and seconds from its start until it had said it."""
    quiet = {**os.environ, "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    quiet |= {"ANONYMIZED_TELEMETRY": "False"}
    began = time.perf_counter()
    done = subprocess.run([*command, str(folder)], input=given, capture_output=True, text=True, env=quiet, check=False)
    took = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found, took


def in_a_process(command: Callable[[str], Sequence[str]], given: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="sandtable-peers-") as name:
        folder = Path(name)
        found, _ = ran(command("fill"), folder, given)
        found["disk_mb"] = size_of(folder)
        _, found["start_s"] = ran(command("open"), folder, given)
    return found


def size_of(folder: Path) -> float:
    """Megabytes of what is kept; the passages themselves, where a side was given them as files, do not count."""
    kept = [
        path for path in folder.rglob("*") if path.is_file() and path.suffix != ".txt" and "blobs" not in path.parts
    ]
    return sum(path.stat().st_size for path in kept) / 1e6


def over_http(texts: Sequence[str], questions: Sequence[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="sandtable-peers-") as folder:
        data = Path(folder, "data")
        command = [sys.executable, "-m", "server.cli.main", "serve", "--port", "0", "--data-dir", str(data)]
        with process(command, SANDTABLE_BACKEND="extractive") as running, opened(running) as client:
            made = {"name": "peers", "sandtable": {"index": "flat"}}
            store = str(client.post("/v1/vector_stores", json=made).raise_for_status().json()["id"])
            began = time.perf_counter()
            put(client, store, [Passage(text, n) for n, text in enumerate(texts)])
            found: dict[str, Any] = {"ingest_s": time.perf_counter() - began, **asked(client, store, questions)}
            found["ram_mb"] = peak_of(running.pid)
        found["disk_mb"] = size_of(data)
        began = time.perf_counter()
        with process(command, SANDTABLE_BACKEND="extractive") as running, opened(running) as client:
            search(client, store, questions[0])
            found["start_s"] = time.perf_counter() - began
    return found


def opened(running: subprocess.Popen[str]) -> httpx.Client:
    assert running.stdout is not None
    return httpx.Client(base_url=running.stdout.readline().strip(), timeout=600)


def search(client: httpx.Client, store: str, question: str) -> float:
    began = time.perf_counter()
    reply = client.post(f"/v1/vector_stores/{store}/search", json={"query": question, "max_num_results": 10})
    if len(reply.raise_for_status().json()["data"]) != 10:
        raise RuntimeError(f"not ten hits: {reply.text[:300]}")
    return time.perf_counter() - began


def asked(client: httpx.Client, store: str, questions: Sequence[str]) -> dict[str, Any]:
    alone = [search(client, store, question) for question in questions]
    with ThreadPoolExecutor(CLIENTS) as pool:
        began = time.perf_counter()
        together = list(pool.map(lambda question: search(client, store, question), [*questions, *questions]))
        qps = len(together) / (time.perf_counter() - began)
    return {"alone": alone, "together": together, "qps": qps}


def peak_of(pid: int) -> float:
    """Megabytes that the process had at most (Linux)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def sides(texts: list[str], questions: list[str]) -> Mapping[str, Callable[[], dict[str, Any]]]:
    from retrieval.embedders.weights import model_folder

    given = json.dumps({"model": str(model_folder()), "passages": texts, "questions": questions})
    python = str(others_python())

    def own(name: str) -> Callable[[], dict[str, Any]]:
        return lambda: in_a_process(lambda what: [sys.executable, "-m", "benchmarks.in_process", name, what], given)

    def other(name: str) -> Callable[[], dict[str, Any]]:
        return lambda: in_a_process(lambda what: [python, str(FOLDER / "side.py"), name, what], given)

    mine = {"raw": own("raw"), "in process": own("in process"), "HTTP": lambda: over_http(texts, questions)}
    return {**mine, **{name: other(name) for name in OTHERS}}


def run(data: Path, size: int = SIZE) -> Report:
    texts, queries = passages(data, size)
    found: dict[str, list[dict[str, Any]]] = {}
    works = sides(texts, queries[:QUESTIONS])
    for _ in range(ROUNDS):
        for name, work in works.items():
            found.setdefault(name, []).append(work())
    rows = [row(NAMES.get(name, name), rounds, found, size) for name, rounds in found.items()]
    figures = {name: {k: [one[k] for one in rounds] for k in ("ingest_s", "qps")} for name, rounds in found.items()}
    return Report(
        name="peers",
        title="Against other ways to search by meaning",
        method=(
            f"{size:,} passages of one to four sentences and {QUESTIONS} questions of the shared sets, ten hits each, "
            "the weights of all-MiniLM-L6-v2 and one thread for the model on every side, "
            f"{ROUNDS} rounds in turns, each side in a process of its own. Sandtable runs the weights as int8 on ONNX "
            "Runtime, the others in fp32 with sentence-transformers, as their documentation has it. Exact search "
            "everywhere but in Chroma (HNSW). Ratios are medians of the rounds' ratios to Sandtable in process, with "
            "their range: above 1 Sandtable is better. QPS: 8 clients at once. RAM: peak of the process, ingest "
            "included. Disk: without the uploaded files. Start: of a process until the first question is answered from "
            "what is on disk."
        ),
        columns=(
            "side", "passages/s", "p50 / p99 ms", "QPS", "RAM MB", "disk MB", "start s", "ingest x", "p50 x", "QPS x",
        ),
        rows=rows,
        figures=figures,
    )  # fmt: skip


def row(name: str, rounds: list[dict[str, Any]], found: Mapping[str, list[dict[str, Any]]], size: int) -> list[str]:
    alone = [value * 1000 for one in rounds for value in one["alone"]]
    own = found["in process"]
    ingest = [r["ingest_s"] / o["ingest_s"] for r, o in zip(rounds, own, strict=True)]
    p50 = [median(r["alone"]) / median(o["alone"]) for r, o in zip(rounds, own, strict=True)]
    qps = [o["qps"] / r["qps"] for r, o in zip(rounds, own, strict=True)]
    return [
        name,
        f"{size / median([one['ingest_s'] for one in rounds]):.0f}",
        f"{median(alone):.1f} / {quantile(alone, 0.99):.1f}",
        f"{median([one['qps'] for one in rounds]):.0f}",
        *(f"{median([one[key] for one in rounds]):.{digits}f}" for key, digits in COLUMNS),
        *(f"{median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})" for ratios in (ingest, p50, qps)),
    ]


COLUMNS = (("ram_mb", 0), ("disk_mb", 1), ("start_s", 1))
