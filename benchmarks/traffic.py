"""Searching clients and a writer on a live collection, and what the writer knows of it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import httpx

CLIENTS, EVERY = 8, 0.2
"""Seconds between two searches of a client: some 40 a second in all, which leaves a small machine time to build."""
WRITE_EVERY = 0.25
PART = 40
"""Files of one value of the attribute `part`: a search for that value, at most 50 results, must give them all."""

LOOK, LONGEST_LOOK = 0.02, 0.16
"""Seconds between two looks at a batch, which double: each takes time of the service that reads it."""


class Passage(NamedTuple):
    text: str
    part: int


class Traffic:
    """`latencies`: (began, seconds); `alive`, `gone`: passages by file, as the writer knows them."""

    def __init__(
        self, url: str, store: str, alive: Mapping[str, Passage], spare: Sequence[str], queries: list[str]
    ) -> None:
        self.url, self.store, self.queries = url, store, queries
        self.alive, self.gone, self.spare = dict(alive), dict[str, Passage](), list(spare)
        self.latencies: list[tuple[float, float]] = []
        self.failed: list[str] = []
        self.short: list[str] = []
        self.errors: list[BaseException] = []
        self.changes = 0
        self._number = len(alive)
        self._stop, self._writing = threading.Event(), threading.Lock()

    def _search(self, seed: int) -> None:
        dice = random.Random(seed)
        with httpx.Client(base_url=self.url, timeout=60) as client:
            while not self._stop.is_set():
                body, began = {"query": dice.choice(self.queries)}, time.perf_counter()
                reply = client.post(f"/v1/vector_stores/{self.store}/search", json=body)
                spent = time.perf_counter() - began
                self.latencies.append((began, spent))
                if reply.status_code != 200:
                    self.failed.append(reply.text[:500])
                elif len(reply.json()["data"]) != 10:
                    self.short.append(reply.text[:500])
                self._stop.wait(max(0, EVERY - spent))

    def _write(self) -> None:
        dice = random.Random(99)
        with httpx.Client(base_url=self.url, timeout=60) as client:
            while not self._stop.wait(WRITE_EVERY):
                with self._writing:
                    self._change(client, dice)

    def _change(self, client: httpx.Client, dice: random.Random) -> None:
        """Add a passage, put one in the place of another, or delete one, in equal parts."""
        self.changes += 1
        what = dice.choice(("add", "replace", "delete")) if self.spare else "delete"
        victim = dice.choice(sorted(self.alive)) if what != "add" else None
        if what != "delete":
            part = self.alive[victim].part if victim is not None else self._number // PART
            self._number += what == "add"
            passage = Passage(self.spare.pop(), part)
            self.alive[put(client, self.store, [passage])[0]] = passage
        if victim is not None:
            client.delete(f"/v1/vector_stores/{self.store}/files/{victim}").raise_for_status()
            self.gone[victim] = self.alive.pop(victim)

    @contextmanager
    def running(self) -> Iterator[Traffic]:
        """Raises what a client raised."""

        def kept(work: Any, *given: Any) -> None:
            try:
                work(*given)
            except BaseException as error:
                self.errors.append(error)

        threads = [threading.Thread(target=kept, args=(self._search, seed)) for seed in range(CLIENTS)]
        threads.append(threading.Thread(target=kept, args=(self._write,)))
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()
        if self.errors:
            raise self.errors[0]

    @contextmanager
    def unchanged(self) -> Iterator[None]:
        """Nothing is written meanwhile; searches go on."""
        with self._writing:
            yield

    def quantile(self, share: float, spans: Sequence[tuple[float, float]]) -> float:
        """Milliseconds, of the searches that began in one of the spans."""
        found = sorted(
            seconds for began, seconds in list(self.latencies) if any(since <= began <= until for since, until in spans)
        )
        return found[min(int(share * len(found)), len(found) - 1)] * 1000

    def longest_over(self, since: float, until: float) -> float:
        """Milliseconds of the longest search that was under way in between; 0 if there was none."""
        over = [s for began, s in list(self.latencies) if began <= until and began + s >= since]
        return max(over, default=0.0) * 1000


def put(client: httpx.Client, store: str, passages: Sequence[Passage]) -> list[str]:
    """Upload and ingest; the ids of the files."""

    def upload(passage: Passage) -> str:
        sent = {"file": ("passage.txt", passage.text.encode())}
        return str(client.post("/v1/files", files=sent, data={"purpose": "assistants"}).raise_for_status().json()["id"])

    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(upload, passages))
    path = f"/v1/vector_stores/{store}/file_batches"
    for start in range(0, len(ids), 1000):
        pairs = zip(ids[start : start + 1000], passages[start : start + 1000], strict=True)
        files = [{"file_id": id, "attributes": {"part": passage.part}} for id, passage in pairs]
        batch = client.post(path, json={"files": files}).raise_for_status().json()
        pause = LOOK
        while batch["status"] == "in_progress":
            time.sleep(pause)
            batch = client.get(f"{path}/{batch['id']}").json()
            pause = min(2 * pause, LONGEST_LOOK)
        if batch["file_counts"]["completed"] != batch["file_counts"]["total"]:
            raise RuntimeError(f"not all was taken in: {batch}")
    return ids
