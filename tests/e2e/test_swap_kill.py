"""kill -9 at random moments of builds, measurements, activations and deletions of generations."""

import random
import threading
import time

import httpx
import pytest

from benchmarks.traffic import Passage, put
from tests.e2e.live import Server

ROUNDS = 20
FILES = 300
SPECS = ("flat", "hnsw", "ivf", "ivfpq", "bm25", "hybrid(hnsw,bm25)", "hybrid(ivfpq,bm25,rrf)")
UNFINISHED = ("queued", "building", "measuring")


def text(n):
    return f"Report zq{n:05d} on harbour {n % 37}: " + " ".join(
        f"crane{(n * step) % 97} lifts" for step in range(1, 40)
    )


class Swapper(threading.Thread):
    """Builds, activates and deletes generations, one after the other, until the server is gone."""

    def __init__(self, url, store, seed, specs):
        super().__init__()
        self.specs = specs
        self.url, self.store, self.dice = url, store, random.Random(seed)
        self.steps = []
        self.start()

    def run(self):
        path = f"/v1/vector_stores/{self.store}/generations"
        with httpx.Client(base_url=self.url, timeout=60) as client:
            try:
                while True:
                    chunking = self.dice.choice([None, {"type": "static", "static": STATIC}])
                    body = {"index": self.dice.choice(self.specs), "chunking": chunking}
                    made = client.post(path, json=body).raise_for_status().json()
                    self.steps.append("build")
                    while made["status"] in UNFINISHED:
                        made = client.get(f"{path}/{made['id']}").json()
                        self.steps += [made["status"]] if made["status"] != self.steps[-1] else []
                        time.sleep(0.01)
                    assert made["status"] == "ready", made
                    self.steps.append("activate")
                    client.post(f"{path}/{made['id']}/activate", json={}).raise_for_status()
                    for other in client.get(path).json()["data"]:
                        if other["status"] in ("ready", "retired"):
                            self.steps.append("delete")
                            client.delete(f"{path}/{other['id']}").raise_for_status()
            except httpx.HTTPError:
                return


STATIC = {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 10}


def settled(client, store):
    """All generations, once none is being built any more."""
    path = f"/v1/vector_stores/{store}/generations"
    until = time.monotonic() + 120
    while time.monotonic() < until:
        found = client.get(path, params={"limit": 100}).raise_for_status().json()["data"]
        if all(made["status"] not in UNFINISHED for made in found):
            return found
        time.sleep(0.05)
    raise AssertionError(f"still being built: {found}")


def check(client, store, data_dir, files):
    generations = settled(client, store)
    (active,) = [made for made in generations if made["status"] == "active"]
    assert client.get(f"/v1/vector_stores/{store}").json()["sandtable"]["active_generation"] == active["id"]
    for made in generations:
        assert made["status"] in ("active", "retired", "ready"), made
        for n in (0, FILES // 2, FILES - 1):
            body = {"query": text(n), "generation": made["id"]}
            hits = client.post(f"/v1/vector_stores/{store}/search", json=body).raise_for_status().json()["data"]
            assert files[n] in [hit["file_id"] for hit in hits], made
    folders = list((data_dir / "collections" / store).iterdir())
    assert {folder.name for folder in folders} <= {made["id"] for made in generations}
    for folder in folders:
        assert [path.name for path in folder.iterdir() if not path.name.startswith("base-")] == []
        assert len(list(folder.iterdir())) <= 1
    return len(generations)


def killed(data_dir, rounds, seed, specs, after, **environment):
    """What was under way at each kill. `after(client, store)` looks at what is there after each restart."""
    dice, steps, live = random.Random(seed), [], Server(data_dir, **environment)
    try:
        with httpx.Client(base_url=live.url, timeout=60) as client:
            store = client.post("/v1/vector_stores", json={"name": "killed"}).json()["id"]
            files = put(client, store, [Passage(text(n), 0) for n in range(FILES)])
        for round in range(rounds):
            swapper = Swapper(live.url, store, round, specs)
            time.sleep(dice.uniform(0.02, 3.0))
            live.kill()
            swapper.join(60)
            assert not swapper.is_alive()
            steps.append(swapper.steps[-1] if swapper.steps else "start")
            live.start()
            with httpx.Client(base_url=live.url, timeout=60) as client:
                check(client, store, data_dir, files)
                after(client, store)
    finally:
        if live.process.poll() is None:
            live.kill()
    return steps


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_whatever_is_cut_short_the_active_one_serves_and_nothing_is_left_over(tmp_path, record_property):
    steps = killed(tmp_path / "data", ROUNDS, 5, SPECS, lambda client, store: None)
    record_property("killed during", ", ".join(steps))
    assert {"building", "measuring"} & set(steps)
