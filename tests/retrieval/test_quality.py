"""What the default hybrid finds on whole data sets, against its own halves, with the bundled embedder."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.chunking import AUTO, chunks
from retrieval.embedders.minilm import MiniLM
from retrieval.indexes.bm25 import BM25Index
from retrieval.indexes.flat import FlatIndex
from retrieval.indexes.hybrid import search
from retrieval.tokens import token_spans

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

FLOORS = {"xquad-en": 0.93, "xquad-zh": 0.91, "cmrc2018-dev": 0.95, "cranfield": 0.41}
NO_WORSE = 0.01
"""How far below the better of its halves the hybrid may come out on any set."""
CHUNKS = 50
"""Deep enough that ten documents come together where they have several chunks."""


@dataclass(frozen=True)
class Figures:
    dense: float
    lexical: float
    hybrid: float


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def relevant(path: Path) -> dict[str, set[str]]:
    judged: dict[str, set[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        query, document, grade = line.split("\t")
        if int(grade) >= 1:
            judged.setdefault(query, set()).add(document)
    return judged


def recall_at_1(found: list[str], wanted: set[str]) -> float:
    return float(bool(found) and found[0] in wanted)


def ndcg_at_10(found: list[str], wanted: set[str]) -> float:
    gain = sum(1 / math.log2(rank + 2) for rank, document in enumerate(found[:10]) if document in wanted)
    return gain / sum(1 / math.log2(rank + 2) for rank in range(min(10, len(wanted))))


def documents(owners: Iterable[str]) -> list[str]:
    """A document stands where its best chunk does."""
    return list(dict.fromkeys(owners))


@cache
def measure(folder: Path, cache_dir: Path) -> Figures:
    embedder = MiniLM(cache_dir)
    pieces = [
        (row["_id"], row["text"][span.start : span.end])
        for row in rows(folder / "corpus.jsonl")
        for span in chunks(row["text"], AUTO, token_spans)
    ]
    ids, texts = np.arange(len(pieces)), [text for _, text in pieces]
    dense, lexical = FlatIndex(embedder.dimension), BM25Index()
    dense.add(ids, embedder.embed(texts, kind="document"))
    lexical.add(ids, texts)
    judged = relevant(folder / "qrels.tsv")
    queries = [row for row in rows(folder / "queries.jsonl") if row["_id"] in judged]
    vectors = embedder.embed([row["text"] for row in queries], kind="query")
    metric = ndcg_at_10 if folder.name == "cranfield" else recall_at_1

    def figure(first: FlatIndex | None, second: BM25Index | None) -> float:
        scores = []
        for row, vector in zip(queries, vectors, strict=True):
            found = search(
                row["text"], vector, first, second, CHUNKS, None, fusion="calibrated", scripts=embedder.scripts
            )
            scores.append(metric(documents(pieces[one.id][0] for one in found), judged[row["_id"]]))
        return math.fsum(scores) / len(scores)

    return Figures(dense=figure(dense, None), lexical=figure(None, lexical), hybrid=figure(dense, lexical))


def figures(data_dir: Path, cache_dir: Path, name: str) -> Figures:
    if not (data_dir / name).is_dir():
        pytest.skip(f"no data set {name!r} in {str(data_dir)!r}")
    return measure(data_dir / name, cache_dir)


@pytest.mark.parametrize("name", FLOORS)
def test_the_hybrid_reaches_its_floor_and_is_no_worse_than_a_half(data_dir: Path, cache_dir: Path, name: str) -> None:
    found = figures(data_dir, cache_dir, name)
    assert found.hybrid >= FLOORS[name]
    assert found.hybrid >= max(found.dense, found.lexical) - NO_WORSE, found


def test_the_hybrid_is_above_both_halves_on_average(data_dir: Path, cache_dir: Path) -> None:
    found = [figures(data_dir, cache_dir, name) for name in FLOORS]
    hybrid, dense, lexical = (
        math.fsum(getattr(one, part) for one in found) / len(found) for part in ("hybrid", "dense", "lexical")
    )
    assert hybrid > max(dense, lexical), found
