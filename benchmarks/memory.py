"""Recall from memory: how long it takes, and whether it finds what comparing everything finds, by number of records."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from platformdirs import user_cache_dir

from agents.memory.archive import Archive
from agents.memory.recalling import recall
from agents.memory.record import Draft, Owner, Record
from agents.memory.remembering import remember
from agents.memory.store import Kept
from benchmarks.harness import Report, median, quantile
from retrieval.embedders.minilm import MiniLM

if TYPE_CHECKING:
    from retrieval.base import Embedder, Vectors

SIZES = (1_000, 10_000, 100_000)
QUERIES = 200
K = 10
EMBEDDED = 2_000
"""Texts whose vectors are their own."""
NOW = datetime(2026, 2, 13, 12, tzinfo=UTC)
OWNER = Owner("bench", "user", "ada")
WHO = ("sister", "brother", "neighbour", "colleague", "old friend", "dentist", "landlord", "cousin", "teacher", "boss")
NAMES = ("Mia", "Rex", "Ivo", "Lena", "Tomas", "Aiko", "Noor", "Pavel", "Greta", "Sam", "Yusuf", "Carla", "Ben", "Zoe")
DID = ("moved to", "came back from", "wants to visit", "bought a house in", "opened a shop in", "was born in",
       "studies in", "works for a bank in", "spent the summer in", "met an actor in", "lost a suitcase in")  # fmt: skip
WHERE = ("Rome", "Paris", "Lisbon", "Oslo", "Kyoto", "Lima", "Cairo", "Perth", "Quito", "Riga", "Hanoi", "Dakar",
         "Turin", "Bergen", "Porto", "Ghent", "Split", "Cusco", "Izmir", "Tartu")  # fmt: skip
LIKES = ("tea", "chess", "opera", "rye bread", "long walks", "old maps", "jazz", "cheese", "sailing", "crosswords")


def facts(count: int) -> list[str]:
    """Distinct, and the same every time."""
    chance, found = Random(7), dict[str, None]()
    while len(found) < count:
        who, name, did, where, like = (chance.choice(words) for words in (WHO, NAMES, DID, WHERE, LIKES))
        found[f"My {who} {name} {did} {where} in {chance.randint(1960, 2025)} and likes {like}."] = None
    return list(found)


def questions(texts: Sequence[str]) -> list[str]:
    chance = Random(11)
    chosen = [chance.choice(texts).split() for _ in range(QUERIES)]
    return [f"What do you know of my {' '.join(words[1:3])} and {words[-1]} {words[-4]}?" for words in chosen]


def run() -> Report:
    embedder = MiniLM(Path(user_cache_dir("sandtable", appauthor=False)))
    texts = facts(max(SIZES))
    began = time.perf_counter()
    vectors = vectors_of(embedder, texts)
    embedding_s = time.perf_counter() - began
    rows, figures = [], dict[str, Any]()
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            found = asyncio.run(measured(Path(folder), embedder, texts[:size], vectors[:size]))
        figures[str(size)] = found
        rows.append([
            f"{size:,}", f"{found['long_p50']:.1f} / {found['long_p99']:.1f}",
            f"{found['stream_p50']:.1f} / {found['stream_p99']:.1f}", f"{found['embed_p50']:.1f}",
            f"{found['recall']:.3f}", f"{found['write_p50']:.1f}", f"{found['load_s']:.1f}",
        ])  # fmt: skip
    return Report(
        name="memory",
        title="Memory: recall from the records of one owner",
        method=(
            f"Made-up facts, no two alike, in the service's database. {QUERIES} questions "
            f"one after the other, {K} records each: the whole of a recall, with the embedding of the question and the "
            "note in the database that the records were used. `long` is the hybrid of BM25 and vectors, `stream` "
            "recency + importance + relevance over all records. Recall@10 of the vectors alone against comparing all "
            "of them in numpy. One new fact: embedded, compared with what is known, stored, and found from then on. "
            f"Loading: an owner's first use after a start. {EMBEDDED:,} texts were embedded before, in "
            f"{embedding_s:.0f} s; the vectors of the others are mixed of theirs."
        ),
        columns=("records", "long, ms p50 / p99", "stream, ms p50 / p99", "of that embedding, ms", "recall@10",
                 "a new fact, ms p50", "loading, s"),
        rows=rows,
        figures=figures,
    )  # fmt: skip


def vectors_of(embedder: Embedder, texts: Sequence[str]) -> Vectors:
    """The first are those of the texts; each further one is mixed of two of these, which takes no minutes."""
    import numpy as np

    chance = np.random.default_rng(5)
    first = embedder.embed(texts[:EMBEDDED], kind="document")
    one, other = (first[chance.integers(0, len(first), len(texts) - len(first))] for _ in range(2))
    share = chance.uniform(0.1, 0.9, (len(one), 1)).astype(np.float32)
    mixed = share * one + (1 - share) * other
    whole: Vectors = np.concatenate([first, mixed / np.linalg.norm(mixed, axis=1, keepdims=True)])
    return whole


async def measured(folder: Path, embedder: Embedder, texts: Sequence[str], vectors: Vectors) -> dict[str, Any]:
    from retrieval.database import Database, sqlite_engine
    from server.storage.memory_records import InDatabase
    from server.storage.migrate import migrate

    database = Database(sqlite_engine(folder / "bench.sqlite3"))
    try:
        await database.write(migrate)
        store, chance = InDatabase(database), Random(3)
        made = [
            Record(
                id=n, text=text, importance=chance.randint(1, 10), created_at=NOW - timedelta(hours=n),
                last_access=NOW - timedelta(hours=chance.randint(0, 5_000)),
            )
            for n, text in enumerate(texts, start=1)
        ]  # fmt: skip
        by = embedder.fingerprint
        await store.write(OWNER, [Kept(r, v.tobytes(), by) for r, v in zip(made, vectors, strict=True)])
        archive, began = Archive(store, lambda: embedder), time.perf_counter()
        await archive.shelf(OWNER)
        found: dict[str, Any] = {"load_s": time.perf_counter() - began}
        asked = questions(texts)
        for kind in ("long", "stream"):
            found |= _quantiles(kind, await _timed(archive, kind, asked))
        found["recall"] = await _recall(archive, embedder, vectors, asked[:50])
        found["embed_p50"] = median([_embedding_ms(embedder, question) for question in asked[:50]])
        found |= _quantiles("write", await _written(archive, texts[:50]))
        return found
    finally:
        database.close()


async def _timed(archive: Archive, kind: Any, asked: Sequence[str]) -> list[float]:
    taken = []
    for number, question in enumerate(asked):
        began = time.perf_counter()
        await recall(archive, OWNER, kind, question, K, now=NOW + timedelta(minutes=number))
        taken.append(1000 * (time.perf_counter() - began))
    return taken


async def _written(archive: Archive, texts: Sequence[str]) -> list[float]:
    taken = []
    for number, text in enumerate(texts):
        began = time.perf_counter()
        draft = Draft(text=f"Day {number}: {text.lower()} Really.", created_at=NOW)
        await remember(archive, OWNER, [draft])
        taken.append(1000 * (time.perf_counter() - began))
    return taken


async def _recall(archive: Archive, embedder: Embedder, vectors: Vectors, asked: Sequence[str]) -> float:
    shares: list[float] = []
    for question in asked:
        found = await recall(archive, OWNER, "long", question, K, by="vectors", touch=False)
        near = vectors @ embedder.embed([question], kind="query")[0]
        bar = sorted(near.tolist())[-K]
        shares.append(sum(float(near[one.record.id - 1]) >= bar - 1e-6 for one in found) / K)
    return sum(shares) / len(shares)


def _embedding_ms(embedder: Embedder, question: str) -> float:
    began = time.perf_counter()
    embedder.embed([question], kind="query")
    return 1000 * (time.perf_counter() - began)


def _quantiles(name: str, taken: Sequence[float]) -> dict[str, float]:
    return {f"{name}_p50": median(taken), f"{name}_p99": quantile(taken, 0.99)}
