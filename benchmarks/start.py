"""From nothing to the first cited answer: seconds until the service is ready, and until it has answered."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from benchmarks.harness import Report, median
from benchmarks.serving import service

ROUNDS = 5
TEXT = "The lighthouse at Cape Varn was lit in 1884. Its keeper kept a log of every ship."
QUESTION = "When was the lighthouse at Cape Varn lit?"


def first_answer(url: str) -> None:
    """Upload, ingest, ask; raises unless the answer comes with a citation."""
    with httpx.Client(base_url=url, timeout=60) as client:
        upload = {"file": ("varn.txt", TEXT.encode())}
        file_id = client.post("/v1/files", files=upload, data={"purpose": "assistants"}).json()["id"]
        store = client.post("/v1/vector_stores", json={"name": "varn", "file_ids": [file_id]}).json()["id"]
        while client.get(f"/v1/vector_stores/{store}").json()["status"] == "in_progress":
            time.sleep(0.01)
        body = {"model": "rag:varn", "messages": [{"role": "user", "content": QUESTION}]}
        message = client.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]
    if not message["annotations"]:
        raise RuntimeError(f"no citation in {message['content']!r}")


def help_cpu_seconds() -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "server.cli.main", "--help"], capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def conversion_seconds() -> float:
    """Making the embedder's runtime graph in an empty cache."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "server.cli.main", "doctor", "--prepare", "--json"]
        environment = {**os.environ, "SANDTABLE_CACHE_DIR": cache, "SANDTABLE_DATA_DIR": str(Path(cache, "data"))}
        began = time.perf_counter()
        subprocess.run(command, env=environment, capture_output=True, check=False)
        return time.perf_counter() - began


def run() -> Report:
    ready, answered, helped = [], [], []
    for _ in range(ROUNDS):
        helped.append(help_cpu_seconds())
        began = time.perf_counter()
        with service(SANDTABLE_BACKEND="extractive") as url:
            ready.append(time.perf_counter() - began)
            first_answer(url)
            answered.append(time.perf_counter() - began)
    figures = {
        "help_cpu_s": median(helped),
        "ready_s": median(ready),
        "first_answer_s": median(answered),
        "first_conversion_s": conversion_seconds(),
    }
    rows = [
        ["`sandtable --help`, CPU", f"{figures['help_cpu_s']:.2f} s"],
        ["service ready", f"{figures['ready_s']:.2f} s"],
        ["first cited answer, upload and ingest included", f"{figures['first_answer_s']:.2f} s"],
        ["first conversion of the embedder, once per user", f"{figures['first_conversion_s']:.2f} s"],
    ]
    return Report(
        name="start",
        title="Start",
        method=f"From process start; median of {ROUNDS} runs, the runtime graph cached but for the last line.",
        columns=("what", "time"),
        rows=rows,
        figures=figures,
    )
