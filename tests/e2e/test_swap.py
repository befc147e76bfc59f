"""Passages swapped from index to index, to another embedder and back, under searches, additions and deletions."""

import json
import random
import threading
import time
from contextlib import contextmanager

import httpx
import numpy as np
import pytest

from tests.e2e.live import server

CLIENTS, EVERY = 8, 0.2
"""Seconds between two searches of a client: some 40 a second in all, which leaves the machine time to build."""


def sentences_of(data_dir):
    """Each short enough to be one chunk, so that the oracle need not cut."""
    from retrieval.sentences import sentences

    found = {}
    for name in ("xquad-en", "hotpotqa-sample", "cranfield"):
        for line in (data_dir / name / "corpus.jsonl").read_text("utf-8").splitlines():
            text = json.loads(line)["text"]
            spans = sentences(text)
            found |= dict.fromkeys(
                text[span.start : span.end].strip() for span in spans if 30 < span.end - span.start < 500
            )
    return list(found)


class Traffic:
    """Searchers and a writer; `latencies`: (began, seconds); `alive`, `gone`: what the writer knows, text by file."""

    def __init__(self, url, store, alive, spare, queries):
        self.url, self.store, self.queries = url, store, queries
        self.alive, self.gone, self.spare = dict(alive), {}, list(spare)
        self.latencies, self.failures = [], []
        self.stop, self.writing = threading.Event(), threading.Event()
        self.writing.set()

    def search(self, seed):
        dice = random.Random(seed)
        with httpx.Client(base_url=self.url, timeout=60) as client:
            while not self.stop.is_set():
                body, began = {"query": dice.choice(self.queries)}, time.perf_counter()
                reply = client.post(f"/v1/vector_stores/{self.store}/search", json=body)
                self.latencies.append((began, time.perf_counter() - began))
                if reply.status_code != 200 or len(reply.json()["data"]) != 10:
                    self.failures.append(reply.text[:500])
                self.stop.wait(max(0, EVERY - (time.perf_counter() - began)))

    def write(self):
        dice = random.Random(99)
        with httpx.Client(base_url=self.url, timeout=60) as client:
            while not self.stop.wait(0.25):
                if not self.writing.is_set():
                    continue
                if dice.random() < 0.5 and self.spare:
                    text = self.spare.pop()
                    self.alive[put(client, self.store, [text])[0]] = text
                else:
                    victim = dice.choice(sorted(self.alive))
                    client.delete(f"/v1/vector_stores/{self.store}/files/{victim}").raise_for_status()
                    self.gone[victim] = self.alive.pop(victim)

    @contextmanager
    def running(self):
        threads = [threading.Thread(target=self.search, args=(n,)) for n in range(CLIENTS)]
        threads.append(threading.Thread(target=self.write))
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()

    def quantile(self, share, since, until):
        found = sorted(seconds for began, seconds in self.latencies if since <= began <= until)
        return found[int(share * (len(found) - 1))] * 1000


def put(client, store, texts):
    ids = []
    for text in texts:
        upload = {"file": ("passage.txt", text.encode())}
        reply = client.post("/v1/files", files=upload, data={"purpose": "assistants"}).raise_for_status()
        ids.append(reply.json()["id"])
    path = f"/v1/vector_stores/{store}/file_batches"
    for start in range(0, len(ids), 1000):
        batch = client.post(path, json={"file_ids": ids[start : start + 1000]}).raise_for_status().json()
        while batch["status"] == "in_progress":
            time.sleep(0.02)
            batch = client.get(f"{path}/{batch['id']}").json()
        assert batch["file_counts"]["completed"] == batch["file_counts"]["total"], batch
    return ids


class Oracle:
    """Exact search in this process, by the bundled model or by one that the test made."""

    def __init__(self, embedder):
        self.embedder, self.vectors = embedder, {}

    def _of(self, texts, kind):
        lacking = [text for text in texts if (kind, text) not in self.vectors]
        for start in range(0, len(lacking), 64):
            some = lacking[start : start + 64]
            made = self.embedder.embed(some, kind=kind)
            self.vectors |= {(kind, text): vector for text, vector in zip(some, made, strict=True)}
        return np.stack([self.vectors[kind, text] for text in texts])

    def recall(self, client, store, alive, queries):
        """Of the ten nearest of the documents there are, the share that a search returns."""
        files, shares = list(alive), []
        scores = self._of(queries, "query") @ self._of([alive[file] for file in files], "document").T
        for query, row in zip(queries, scores, strict=True):
            reply = client.post(f"/v1/vector_stores/{store}/search", json={"query": query}).raise_for_status()
            # The service quantizes nothing it searches, but its vectors and these may differ in the last bit.
            least = np.sort(row)[-10] - 1e-5
            nearest = {file for file, score in zip(files, row, strict=True) if score >= least}
            shares.append(sum(hit["file_id"] in nearest for hit in reply.json()["data"]) / 10)
        return float(np.mean(shares))


def projected(folder):
    """MiniLM with its 384 dimensions mapped to 256: another model as far as anybody can tell."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Dense

    from retrieval.embedders.weights import model_folder

    torch.manual_seed(0)
    model = SentenceTransformer(str(model_folder()), device="cpu")
    dense = Dense(384, 256, bias=False, activation_function=torch.nn.Identity())
    torch.nn.init.orthogonal_(dense.linear.weight)
    model.append(dense)
    model.save(str(folder))
    return str(folder)


def built(client, store, **fields):
    path = f"/v1/vector_stores/{store}/generations"
    made = client.post(path, json=fields).raise_for_status().json()
    while made["status"] in ("queued", "building", "measuring"):
        time.sleep(0.1)
        made = client.get(f"{path}/{made['id']}").json()
    assert made["status"] == "ready", made
    return made


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("passages", [700])
def test_a_collection_is_swapped_through_all_kinds_under_load_and_back(
    tmp_path, data_dir, cache_dir, passages, record_property
):
    from retrieval.embedders.minilm import MiniLM
    from retrieval.embedders.sentence_transformer import SentenceTransformerEmbedder

    texts = sentences_of(data_dir)
    random.Random(1).shuffle(texts)
    base, spare, queries = texts[:passages], texts[passages : passages + 2000], texts[-400:]
    held_out = queries[:50]
    folder = projected(tmp_path / "other-model")
    exact, exact_other = Oracle(MiniLM(cache_dir)), Oracle(SentenceTransformerEmbedder(folder))
    report = []
    with server(tmp_path / "data") as live, httpx.Client(base_url=live.url, timeout=300) as client:
        made = client.post("/v1/vector_stores", json={"name": "live", "sandtable": {"index": "flat"}})
        store = made.raise_for_status().json()["id"]
        first = made.json()["sandtable"]["active_generation"]
        alive = dict(zip(put(client, store, base), base, strict=True))
        with Traffic(live.url, store, alive, spare, queries).running() as traffic:
            time.sleep(2)
            began = time.perf_counter()
            time.sleep(15)
            before = (
                traffic.quantile(0.5, began, time.perf_counter()),
                traffic.quantile(0.99, began, time.perf_counter()),
            )
            for fields in (
                {"index": "hnsw", "gate": {"min_recall_at_10": 0.95}},
                {"index": "ivfpq", "gate": {"min_recall_at_10": 0.95}},
                {"index": "hybrid(hnsw,bm25)"},
                {"index": "hnsw", "embedder": folder},
            ):
                since = time.perf_counter()
                made = built(client, store, **fields)
                until = time.perf_counter()
                path = f"/v1/vector_stores/{store}/generations/{made['id']}/activate"
                client.post(path, json={}).raise_for_status()
                switched = time.perf_counter()
                time.sleep(2)
                pause = max(seconds for at, seconds in traffic.latencies if until - 1 <= at <= switched) * 1000
                report.append(
                    (
                        fields["index"],
                        traffic.quantile(0.99, since, until),
                        until - since,
                        (switched - until) * 1000,
                        pause,
                    )
                )
                traffic.writing.clear()
                time.sleep(1)
                oracle = exact_other if "embedder" in fields else exact
                if not fields["index"].startswith("hybrid"):
                    assert oracle.recall(client, store, traffic.alive, held_out) >= 0.95, fields
                traffic.writing.set()
            client.post(f"/v1/vector_stores/{store}/generations/{first}/activate", json={}).raise_for_status()
            time.sleep(2)
        assert traffic.failures == []
        assert exact.recall(client, store, traffic.alive, held_out) == 1.0
        record_property("before", f"p50 {before[0]:.1f} ms, p99 {before[1]:.1f} ms")
        for name, p99, seconds, activation, pause in report:
            shown = (
                f"{seconds:.0f} s, p99 {p99:.1f} ms; activation {activation:.1f} ms, longest search then {pause:.1f} ms"
            )
            record_property(name, shown)
        everything_is_where_it_should_be(client, store, traffic)


def everything_is_where_it_should_be(client, store, traffic):
    """In every generation: what is alive is found by its own words, what is gone is not."""
    generations = client.get(f"/v1/vector_stores/{store}/generations").json()["data"]
    assert len(generations) == 5
    assert {made["progress"]["total"] for made in generations} == {len(traffic.alive)}
    dice = random.Random(3)
    for made in generations:
        for file, text in dice.sample(sorted(traffic.alive.items()), 40):
            body = {"query": text, "generation": made["id"]}
            hits = client.post(f"/v1/vector_stores/{store}/search", json=body).raise_for_status().json()["data"]
            assert file in [hit["file_id"] for hit in hits], (made["spec"], text)
        for file, text in dice.sample(sorted(traffic.gone.items()), min(40, len(traffic.gone))):
            body = {"query": text, "generation": made["id"]}
            hits = client.post(f"/v1/vector_stores/{store}/search", json=body).raise_for_status().json()["data"]
            assert file not in [hit["file_id"] for hit in hits], (made["spec"], text)
