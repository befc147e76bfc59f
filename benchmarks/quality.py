"""Retrieval quality through POST /v1/vector_stores/{id}/search at default settings, on BEIR-shaped folders.

One file per corpus row; a document's rank is that of its best chunk. Each question is asked of three stores with the
same files: the default (`auto`), its dense half (`flat`), its lexical half (`bm25`), and both by plain rank fusion.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from benchmarks.harness import Report
from benchmarks.serving import service

INDEXES = ("auto", "flat", "bm25", "hybrid(flat,bm25,rrf)")
SETS = {"xquad-en": "R@1", "xquad-zh": "R@1", "cmrc2018-dev": "R@1", "cranfield": "nDCG@10"}
AT_ONCE = 8
DEEP = 50
"""Chunks asked for: enough that ten documents are among them."""

Qrels = Mapping[str, Mapping[str, int]]


def load(folder: Path) -> tuple[dict[str, str], dict[str, str], Qrels]:
    """Corpus texts, query texts, judgments, by id."""
    rows = [json.loads(line) for line in (folder / "corpus.jsonl").read_text("utf-8").splitlines()]
    queries = [json.loads(line) for line in (folder / "queries.jsonl").read_text("utf-8").splitlines()]
    qrels: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for line in (folder / "qrels.tsv").read_text("utf-8").splitlines()[1:]:
        query, document, grade = line.split("\t")
        qrels[query][document] = int(grade)
    return {r["_id"]: r["text"] for r in rows}, {q["_id"]: q["text"] for q in queries}, qrels


def ndcg(ranked: Sequence[str], judged: Mapping[str, int], k: int = 10) -> float:
    """Binary gain: a document counts if its grade is at least 1."""
    gains = [1.0 if judged.get(document, 0) >= 1 else 0.0 for document in ranked[:k]]
    ideal = [1.0] * min(sum(grade >= 1 for grade in judged.values()), k)

    def dcg(values: Sequence[float]) -> float:
        return sum(value / math.log2(rank + 2) for rank, value in enumerate(values))

    return dcg(gains) / dcg(ideal) if ideal else 0.0


def recall_at_1(ranked: Sequence[str], judged: Mapping[str, int]) -> float:
    return float(bool(ranked) and judged.get(ranked[0], 0) >= 1)


class Asker:
    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=url, timeout=120)
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def fill(self, corpus: Mapping[str, str]) -> dict[str, str]:
        """Upload every row; file id -> row id. Rows without text are left out: there is nothing to find in them."""

        async def one(row: str, text: str) -> tuple[str, str]:
            async with self._gate:
                upload = {"file": (f"{row}.txt", text.encode())}
                reply = await self._client.post("/v1/files", files=upload, data={"purpose": "assistants"})
                reply.raise_for_status()
                return reply.json()["id"], row

        return dict(await asyncio.gather(*(one(row, text) for row, text in corpus.items() if text.strip())))

    async def store(self, files: Mapping[str, str], index: str) -> str:
        made = await self._client.post("/v1/vector_stores", json={"name": index, "sandtable": {"index": index}})
        store, ids = made.json()["id"], list(files)
        for start in range(0, len(ids), 2_000):
            path = f"/v1/vector_stores/{store}/file_batches"
            batch = (await self._client.post(path, json={"file_ids": ids[start : start + 2_000]})).json()
            while batch["status"] == "in_progress":
                await asyncio.sleep(0.2)
                batch = (await self._client.get(f"{path}/{batch['id']}")).json()
            if batch["file_counts"]["completed"] != batch["file_counts"]["total"]:
                raise RuntimeError(f"not all files were ingested: {batch['file_counts']}")
        return store

    async def ranking(self, store: str, query: str, files: Mapping[str, str]) -> list[str]:
        async with self._gate:
            body = {"query": query, "max_num_results": DEEP}
            reply = await self._client.post(f"/v1/vector_stores/{store}/search", json=body)
            reply.raise_for_status()
        return list(dict.fromkeys(files[hit["file_id"]] for hit in reply.json()["data"]))

    async def close(self) -> None:
        await self._client.aclose()


async def measure(url: str, folder: Path, metric: str) -> dict[str, float]:
    corpus, queries, qrels = load(folder)
    asker, found = Asker(url), {}
    files = await asker.fill(corpus)
    score = recall_at_1 if metric == "R@1" else ndcg
    for index in INDEXES:
        store = await asker.store(files, index)
        rankings = await asyncio.gather(*(asker.ranking(store, text, files) for text in queries.values()))
        values = [score(ranked, qrels[query]) for query, ranked in zip(queries, rankings, strict=True)]
        found[index] = sum(values) / len(values)
    await asker.close()
    return found


def run(data: Path) -> Report:
    rows, figures = [], {}
    began = time.perf_counter()
    for name, metric in SETS.items():
        if not (data / name).is_dir():
            raise SystemExit(f"no folder {name!r} under {str(data)!r}: give the data sets with --data")
        with service(SANDTABLE_BACKEND="extractive") as url:
            found = asyncio.run(measure(url, data / name, metric))
        figures |= {f"{name} {index}": value for index, value in found.items()}
        better = max(found["flat"], found["bm25"])
        rows.append([name, metric, *(f"{found[index]:.3f}" for index in INDEXES), f"{found['auto'] - better:+.3f}"])
    for index in INDEXES:
        figures[f"mean {index}"] = sum(figures[f"{name} {index}"] for name in SETS) / len(SETS)
    means = [f"{figures[f'mean {index}']:.3f}" for index in INDEXES]
    better = max(figures["mean flat"], figures["mean bm25"])
    rows.append(["**mean**", "", *means, f"{figures['mean auto'] - better:+.3f}"])
    return Report(
        name="quality",
        title="Retrieval through the HTTP search at default settings",
        method=(
            "Every corpus row is a file, every question a search of a store with the default index and of stores with "
            f"each of its halves alone. {time.perf_counter() - began:.0f} s in all. Cranfield counts grade >= 1."
        ),
        columns=("set", "metric", "default", "dense alone", "BM25 alone", "plain RRF", "default - better half"),
        rows=rows,
        figures=figures,
    )
