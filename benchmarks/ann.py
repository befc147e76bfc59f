"""Approximate indexes on real embeddings: recall tuned on one half of the queries, measured on the other, beside flat.

Sentences of the data sets are embedded by the bundled model; copies moved a little stand for more of them, so that
neighbours are as near to each other as those of texts are.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from platformdirs import user_cache_dir

from benchmarks.harness import Report, median
from retrieval.embedders.minilm import MiniLM
from retrieval.generation import Batch, Generation
from retrieval.indexes.plan import Knobs
from retrieval.indexes.spec import parse
from retrieval.pace import Pace
from retrieval.sentences import sentences
from retrieval.tuning import tune

SETS = ("xquad-en", "cranfield", "hotpotqa-sample")
SENTENCES = 6_000
SPECS = ("hnsw", "ivf", "ivfpq")
TARGETS = (None, 0.95, 0.99)
QUERIES, K, ROUNDS = 400, 10, 3
USUAL = 100_000
ENOUGH = 0.999
"""Of recall, beyond which the curve is drawn no further."""
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
    made = dice.standard_normal((count, vectors.shape[1]), np.float32)
    made *= length / np.sqrt(vectors.shape[1])
    made += vectors[dice.integers(0, len(vectors), count)]
    made /= np.linalg.norm(made, axis=1, keepdims=True)
    return made


class Side:
    """A generation with its vectors in its base, and how long that took."""

    def __init__(self, spec: str, vectors: Any, embedder: Stored, folder: Path) -> None:
        self.spec, self.generation = spec, Generation(parse(spec), embedder, folder)
        self.generation.open(np.empty(0, np.int64), lambda _: iter(()))
        began = time.perf_counter()
        self.generation.add(Batch(np.arange(len(vectors)), [""] * len(vectors), None, vectors))
        self.generation.fold_if_due(at_least=1)
        self.built_s = time.perf_counter() - began

    def found(self, query: str) -> list[int]:
        vector = self.generation.embedder.embed([query], kind="query")[0]
        return [ranked.id for ranked in self.generation.search(query, vector, K, None)]

    def per_second(self, queries: Sequence[str]) -> float:
        began = time.perf_counter()
        for query in queries:
            self.found(query)
        return len(queries) / (time.perf_counter() - began)


@dataclass(frozen=True)
class Measured:
    recall: float
    ratios: tuple[float, ...]
    """Of its searches a second to flat's, a round each, in order of size."""
    per_second: float

    @property
    def ratio(self) -> str:
        return f"{median(self.ratios):.1f} ({self.ratios[0]:.1f}-{self.ratios[-1]:.1f})"


class Beside:
    """Measures sides against `flat` on the held-out queries, in turns."""

    def __init__(self, flat: Side, queries: Sequence[str]) -> None:
        self.flat, self.queries = flat, queries
        self.truth = {query: set(flat.found(query)) for query in queries}
        self.flats: list[float] = []

    def __call__(self, side: Side) -> Measured:
        pairs = [(side.per_second(self.queries), self.flat.per_second(self.queries)) for _ in range(ROUNDS)]
        self.flats += [flat for _, flat in pairs]
        ratios = tuple(sorted(ours / flat for ours, flat in pairs))
        return Measured(self.recall(side), ratios, median([ours for ours, _ in pairs]))

    def recall(self, side: Side) -> float:
        shares = [len(self.truth[query].intersection(side.found(query))) / K for query in self.queries]
        return sum(shares) / len(shares)


Point = tuple[float, float]


def run(data: Path, size: int = USUAL) -> Report:
    """`size`: of the vectors; the usual one is measured beside a fifth of it, for growth."""
    real, figures = embeddings(data), {}
    rows: list[list[str]] = []
    embedder, queries = Stored(moved(real, QUERIES, FAR, 2)), [str(n) for n in range(QUERIES)]
    curves: dict[str, list[Point]] = {}
    for count in (size // 5, size) if size == USUAL else (size,):
        vectors = np.concatenate([real, moved(real, max(0, count - len(real)), NEAR, 1)])[:count]
        with TemporaryDirectory() as folder:
            beside = Beside(Side("flat", vectors, embedder, Path(folder, "flat")), queries[1::2])
            own = len(rows)
            for spec in SPECS:
                side = Side(spec, vectors, embedder, Path(folder, spec))
                for target in TARGETS:
                    side.generation.set_knobs(Knobs())
                    if target is not None:
                        tune(side.generation, queries[::2], target, Pace())
                    made = beside(side)
                    figures[f"{count} {spec} {target}"] = {"recall": made.recall, "qps_ratios": made.ratios}
                    rows.append(row(count, side, target, made))
                    print(*rows[-1], sep="  ", file=sys.stderr, flush=True)  # At a million each takes minutes.
                curves[f"{spec}, {count:,}"] = curve(side, beside)
            flat = ["", "1", "1", f"{median(beside.flats):,.0f}", f"{beside.flat.built_s:.1f}", "1,536"]
            rows.insert(own, [f"{count:,}", "flat", *flat])
    return report(rows, figures, curves, size)


def row(count: int, side: Side, target: float | None, made: Measured) -> list[str]:
    shown = [f"{count:,}", side.spec, str(target or "none"), f"{made.recall:.3f}", made.ratio]
    return [*shown, f"{made.per_second:,.0f}", f"{side.built_s:.1f}", f"{side.generation.bytes_per_vector():,.0f}"]


def curve(side: Side, beside: Beside) -> list[Point]:
    """Recall and milliseconds a search, for efforts that double."""
    looks, points = side.generation.looks(), []
    efforts = [] if looks is None else [effort for power in range(12) if (effort := 4 << power) <= looks[1]]
    for effort in efforts:
        side.generation.set_knobs(Knobs(effort, side.generation.knobs.refine))
        points.append((beside.recall(side), 1000 / side.per_second(beside.queries)))
        if points[-1][0] > ENOUGH:
            break
    return points


def pictures(curves: Mapping[str, Sequence[Point]], name: str, folder: Path) -> None:
    """`name`.svg and `name`.png in `folder`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for label, points in curves.items():
        axes.plot([recall for recall, _ in points], [ms for _, ms in points], marker="o", label=label)
    axes.set(xlabel="recall at 10", ylabel="ms a search, without embedding", yscale="log")
    axes.grid(alpha=0.3)
    axes.legend()
    for ending in ("svg", "png"):
        figure.savefig(folder / f"{name}.{ending}", metadata={"Date": None} if ending == "svg" else None)


def report(
    rows: Sequence[Sequence[str]], figures: Mapping[str, Any], curves: Mapping[str, Sequence[Point]], size: int
) -> Report:  # fmt: skip
    usual = size == USUAL
    picture = "ann" if usual else f"ann-{size}"
    return Report(
        name="ann" if usual else f"ann --size {size}",
        title="Approximate indexes against exact search" if usual else f"Approximate indexes with {size:,} vectors",
        method=(
            f"{SENTENCES:,} embedded sentences and copies moved by {NEAR}, {QUERIES} queries moved by {FAR}: half "
            "of them for tuning, recall at 10 and speed on the other half. One thread, without the embedding "
            f"of the query; beside `flat` in turns, {ROUNDS} rounds with their range.\n\n"
            f"![Recall and time of a search]({picture}.svg)"
        ),
        columns=("vectors", "index", "target", "recall@10", "× flat's", "searches/s", "build s", "bytes a vector"),
        rows=rows,
        figures={**figures, "curves": curves},
        pictures=partial(pictures, curves, picture),
    )
