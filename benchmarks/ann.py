"""Approximate indexes on real embeddings: recall tuned on one half of the queries, measured on the other, beside flat.

Sentences of the data sets are embedded by the bundled model; copies moved a little stand for more of them, so that
neighbours are as near to each other as those of texts are.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_dir

from benchmarks.harness import Report
from retrieval.embedders.minilm import MiniLM
from retrieval.generation import Batch, Generation
from retrieval.indexes.plan import Knobs
from retrieval.indexes.spec import parse
from retrieval.measure import recall
from retrieval.pace import Pace
from retrieval.sentences import sentences
from retrieval.tuning import tune

SETS = ("xquad-en", "cranfield", "hotpotqa-sample")
SENTENCES = 6_000
SIZES = (20_000, 100_000)
SPECS = ("hnsw", "ivf", "ivfpq")
TARGETS = (None, 0.95, 0.99)
QUERIES = 400
NEAR, FAR = 0.6, 0.8
"""Length of the noise on a stored copy, and on a query."""


class Stored:
    """An embedder whose texts are numbers of vectors that are there."""

    name = fingerprint = "stored"
    window, scripts = 256, frozenset[str]()

    def __init__(self, vectors: Any) -> None:
        self.vectors, self.dimension = vectors, vectors.shape[1]

    def embed(self, texts: Sequence[str], *, kind: str) -> Any:
        return np.stack([self.vectors[int(text)] for text in texts])

    def count_tokens(self, texts: Sequence[str]) -> int:
        return len(texts)


def embeddings(data: Path) -> Any:
    found: dict[str, None] = {}
    for name in SETS:
        for line in (data / name / "corpus.jsonl").read_text("utf-8").splitlines():
            text = json.loads(line)["text"]
            found |= dict.fromkeys(text[span.start : span.end] for span in sentences(text))
    embedder = MiniLM(Path(user_cache_dir("sandtable", appauthor=False)))
    return embedder.embed(list(found)[:SENTENCES], kind="document")


def moved(vectors: Any, count: int, length: float, seed: int) -> Any:
    dice = np.random.default_rng(seed)
    noise = dice.standard_normal((count, vectors.shape[1])) * (length / np.sqrt(vectors.shape[1]))
    made = vectors[dice.integers(0, len(vectors), count)] + noise
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def searches_per_second(generation: Generation, queries: Sequence[str]) -> float:
    began = time.perf_counter()
    for query in queries:
        generation.search(query, generation.embedder.embed([query], kind="query")[0], 10, None)
    return len(queries) / (time.perf_counter() - began)


def run(data: Path) -> Report:
    real = embeddings(data)
    embedder, queries = Stored(moved(real, QUERIES, FAR, 2)), [str(n) for n in range(QUERIES)]
    tuning, held_out = queries[::2], queries[1::2]
    rows, figures = [], {}
    for size in SIZES:
        vectors = np.concatenate([real, moved(real, size - len(real), NEAR, 1)])
        flat = 0.0
        for spec in ("flat", *SPECS):
            with tempfile.TemporaryDirectory() as folder:
                generation = Generation(parse(spec), embedder, Path(folder))
                generation.open(np.empty(0, np.int64), lambda _: iter(()))
                began = time.perf_counter()
                generation.add(Batch(np.arange(size), [""] * size, None, vectors))
                generation.fold_if_due(at_least=1)
                built = time.perf_counter() - began
                if spec == "flat":
                    flat = searches_per_second(generation, held_out)
                    rows.append([f"{size:,}", spec, "-", "1", "1", f"{built:.1f}", "1,536"])
                    continue
                for target in TARGETS:
                    generation.set_knobs(Knobs())
                    if target is not None:
                        tune(generation, tuning, target, Pace())
                    found = [one(generation, query) for query in held_out]
                    ratio = searches_per_second(generation, held_out) / flat
                    reached = sum(found) / len(found)
                    figures[f"{size} {spec} {target}"] = {"recall": reached, "qps_ratio": ratio}
                    shown = [f"{size:,}", spec, str(target or "-"), f"{reached:.3f}", f"{ratio:.1f}", f"{built:.1f}"]
                    rows.append([*shown, f"{generation.bytes_per_vector():,.0f}"])
    return Report(
        name="ann",
        title="Approximate indexes against exact search",
        method=(
            f"{SENTENCES:,} embedded sentences and copies moved by {NEAR}, {QUERIES} queries moved by {FAR}: half of "
            "them for tuning, recall at 10 and speed on the other half. One thread, without the embedding of the query."
        ),
        columns=("vectors", "index", "target", "recall@10", "× flat's searches/s", "build s", "bytes a vector"),
        rows=rows,
        figures=figures,
    )


def one(generation: Generation, query: str) -> float:
    vector = generation.embedder.embed([query], kind="query")[0]
    found = [ranked.id for ranked in generation.search(query, vector, 10, None)]
    return recall(generation, query, vector, found) or 0.0
