"""A collection swapped through all kinds of index, to another embedder and back, while it is searched and written to.

Eight clients search and one writes all the time. Before each build the searches are timed as they are, then beside the
build; all that the collection should hold is asked for at the end, in every generation.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from platformdirs import user_cache_dir

from benchmarks.harness import Report
from benchmarks.oracle import Oracle, lost_and_resurrected
from benchmarks.other_model import projected
from benchmarks.passages import passages
from benchmarks.serving import service
from benchmarks.traffic import PART, Passage, Traffic, put
from retrieval.embedders.load import load

QUIET_S = 30.0
"""Of searching before each build. Twelve of 1,200 searches are above the 99th percentile, and one pause of the machine
slows eight: it swings by a factor of two from one such span to the next, so builds are compared with all of them."""
SPARE = 2_000
HELD_OUT = 50
COLUMNS = ("p99 ratio", "activation ms", "longest search at it ms", "recall@10")


@dataclass(frozen=True)
class Step:
    """One swap. `during`: (p50, p99) in ms of the searches beside the build; `call`, `longest`: of the activation, and
    of the searches that were under way at it, in ms; `recall`: of the activated one against the oracle, None where it
    ranks by more."""

    name: str
    build_s: float
    during: tuple[float, float]
    call: float
    longest: float
    recall: float | None


@dataclass(frozen=True)
class Outcome:
    steps: Sequence[Step]
    before: tuple[float, float]
    during: tuple[float, float]
    """(p50, p99) in ms of all searches before builds, and of all beside them."""
    searches: int
    failed: int
    short: int
    changes: int
    lost: int
    resurrected: int
    rollback_recall: float
    gone: int


def steps_to(folder: str) -> list[dict[str, Any]]:
    return [
        {"index": "hnsw", "gate": {"min_recall_at_10": 0.95}},
        {"index": "ivfpq", "gate": {"min_recall_at_10": 0.95}},
        {"index": "hybrid(hnsw,bm25)"},
        {"index": "hnsw", "embedder": folder},
    ]


class Swapping:
    def __init__(self, client: httpx.Client, store: str, traffic: Traffic, quiet_s: float) -> None:
        self.client, self.traffic, self.quiet_s = client, traffic, quiet_s
        self.path = f"/v1/vector_stores/{store}/generations"
        self.store = store
        self.quiet: list[tuple[float, float]] = []
        self.builds: list[tuple[float, float]] = []

    def built(self, fields: Mapping[str, Any]) -> str:
        made = self.client.post(self.path, json=fields).raise_for_status().json()
        while made["status"] in ("queued", "building", "measuring"):
            time.sleep(0.1)
            made = self.client.get(f"{self.path}/{made['id']}").json()
        if made["status"] != "ready":
            raise RuntimeError(f"the build ended as {made}")
        return str(made["id"])

    def activated(self, id: str) -> tuple[float, float]:
        """Milliseconds of the call, and of the longest search that was under way."""
        began = time.perf_counter()
        self.client.post(f"{self.path}/{id}/activate", json={}).raise_for_status()
        ended = time.perf_counter()
        time.sleep(1)
        return (ended - began) * 1000, self.traffic.longest_over(began, ended)

    def timed(self, spans: Sequence[tuple[float, float]]) -> tuple[float, float]:
        return self.traffic.quantile(0.5, spans), self.traffic.quantile(0.99, spans)

    def step(self, fields: Mapping[str, Any], oracle: Oracle, queries: Sequence[str]) -> Step:
        quiet = time.perf_counter()
        time.sleep(self.quiet_s)
        since = time.perf_counter()
        id = self.built(fields)
        until = time.perf_counter()
        self.quiet.append((quiet, since))
        self.builds.append((since, until))
        call, longest = self.activated(id)
        recall = None
        if not fields["index"].startswith("hybrid"):
            with self.traffic.unchanged():
                recall = oracle.recall(self.client, self.store, self.traffic.alive, queries)
        return Step(
            name=f"{fields['index']}{', another embedder' if 'embedder' in fields else ''}",
            build_s=until - since,
            during=self.timed(self.builds[-1:]),
            call=call,
            longest=longest,
            recall=recall,
        )


def swap(url: str, data: Path, count: int, folder: str, quiet_s: float = QUIET_S) -> Outcome:
    """Everything on a running service: fill a store with `count` passages, and swap it through and back."""
    texts, queries = passages(data, count + SPARE)
    random.Random(1).shuffle(texts)
    base = [Passage(text, number // PART) for number, text in enumerate(texts[:count])]
    cache = Path(user_cache_dir("sandtable", appauthor=False))
    exact, other = Oracle(load("default", cache_dir=cache)), Oracle(load(folder, cache_dir=cache))
    with httpx.Client(base_url=url, timeout=300) as client:
        made = client.post("/v1/vector_stores", json={"name": "live", "sandtable": {"index": "flat"}})
        store, first = made.json()["id"], made.json()["sandtable"]["active_generation"]
        with ThreadPoolExecutor(1) as beside:
            # What the oracles have to know is made before anything is timed.
            known = [beside.submit(oracle.know, texts[:count], "document") for oracle in (exact, other)]
            alive = dict(zip(put(client, store, base), base, strict=True))
            for done in known:
                done.result()
        with Traffic(url, store, alive, texts[count:], queries).running() as traffic:
            time.sleep(2)
            swapping = Swapping(client, store, traffic, quiet_s)
            steps = []
            for fields in steps_to(folder):
                steps.append(swapping.step(fields, other if "embedder" in fields else exact, queries[:HELD_OUT]))
            call, longest = swapping.activated(first)
            steps.append(Step("rollback to flat", 0.0, (0.0, 0.0), call, longest, None))
        found = [lost_and_resurrected(client, store, id, traffic.alive) for id in ids(client, store)]
        return Outcome(
            steps=steps,
            before=swapping.timed(swapping.quiet),
            during=swapping.timed(swapping.builds),
            searches=len(traffic.latencies),
            failed=len(traffic.failed),
            short=len(traffic.short),
            changes=traffic.changes,
            lost=sum(lost for lost, _ in found),
            resurrected=sum(resurrected for _, resurrected in found),
            rollback_recall=exact.recall(client, store, traffic.alive, queries[:HELD_OUT]),
            gone=len(traffic.gone),
        )


def ids(client: httpx.Client, store: str) -> list[str]:
    return [made["id"] for made in client.get(f"/v1/vector_stores/{store}/generations").json()["data"]]


def run(data: Path, size: int = 20_000) -> Report:
    with tempfile.TemporaryDirectory() as place:
        folder = projected(Path(place, "other-model"))
        with service(SANDTABLE_BACKEND="extractive") as url:
            return report(swap(url, data, size, folder), size)


def _shown(times: tuple[float, float]) -> str:
    return f"{times[0]:.1f} / {times[1]:.1f}"


def report(done: Outcome, size: int) -> Report:
    rows, figures = [], {"searches": done.searches, "failed": done.failed, "short": done.short}
    figures |= {"lost": done.lost, "resurrected": done.resurrected, "rollback_recall": done.rollback_recall}
    rows.append(["no build", "", _shown(done.before), "", "", "", ""])
    for step in done.steps:
        ratio = step.during[1] / done.before[1] if step.build_s else None
        shown = ["", "", ""] if ratio is None else [f"{step.build_s:.0f}", _shown(step.during), f"{ratio:.2f}"]
        recall = "" if step.recall is None else f"{step.recall:.3f}"
        rows.append([step.name, *shown, f"{step.call:.1f}", f"{step.longest:.1f}", recall])
        figures |= {f"{step.name} p99 ratio": ratio, f"{step.name} activation_ms": step.call}
    ratio = done.during[1] / done.before[1]
    figures["p99 ratio"] = ratio
    whole = sum(step.build_s for step in done.steps)
    rows.append(["**all builds**", f"{whole:.0f}", _shown(done.during), f"**{ratio:.2f}**", "", "", ""])
    return Report(
        name="swap",
        title="Swaps under load",
        method=(
            f"{size:,} passages, 8 clients with 5 searches a second each, 4 changes a second (additions, "
            f"replacements, deletions: {done.changes:,} in all), default throttle. {done.searches:,} searches: "
            f"{done.failed} failed, {done.short} with fewer than 10 results. At the end all five generations were "
            f"asked for all they should hold: {done.lost} documents lost, {done.resurrected} of {done.gone} deleted "
            f"ones found. After the rollback the answers agree with an exact search by {done.rollback_recall:.3f}. "
            "Service and clients share the cores. Searches beside a build are compared with those of all spans of "
            f"{QUIET_S:.0f} s before the builds."
        ),
        columns=("swap to", "build s", "p50 / p99 ms", *COLUMNS),
        rows=rows,
        figures=figures,
    )
