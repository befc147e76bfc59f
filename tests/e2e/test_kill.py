"""kill -9 at random moments while clients add and delete files: what was acknowledged holds, no half file is found."""

import random
import threading
import time
import uuid

import httpx
import pytest

from tests.e2e.live import Server

ROUNDS = 20
CLIENTS = 3


class Ledger:
    """What the clients know: what they were told is there, is gone, or may be either."""

    def __init__(self):
        self.lock = threading.Lock()
        self.added: dict[str, str] = {}
        self.deleted: dict[str, str] = {}
        self.unsure: dict[str, str] = {}


def churn(url, store, ledger, stop, seed):
    """Add files of one unique word each, delete some, until the server is gone."""
    dice = random.Random(seed)
    with httpx.Client(base_url=url, timeout=10) as client:
        while not stop.is_set():
            word = f"zq{uuid.uuid4().hex[:12]}"
            paragraphs = dice.choice([1, 1, 40])
            text = "\n\n".join(
                f"The {word} report, part {n}, speaks of harbours and cranes." for n in range(paragraphs)
            )
            try:
                file_id = client.post(
                    "/v1/files", files={"file": (f"{word}.txt", text.encode())}, data={"purpose": "assistants"}
                ).json()["id"]
                with ledger.lock:
                    ledger.unsure[file_id] = word
                client.post(f"/v1/vector_stores/{store}/files", json={"file_id": file_id}).raise_for_status()
                with ledger.lock:
                    ledger.added[file_id] = ledger.unsure.pop(file_id)
                if dice.random() < 0.3:
                    with ledger.lock:
                        victim = dice.choice(sorted(ledger.added))
                        ledger.unsure[victim] = ledger.added.pop(victim)
                    client.delete(f"/v1/vector_stores/{store}/files/{victim}").raise_for_status()
                    with ledger.lock:
                        ledger.deleted[victim] = ledger.unsure.pop(victim)
            except httpx.HTTPError:
                return


def found(client, store, word):
    reply = client.post(f"/v1/vector_stores/{store}/search", json={"query": word, "max_num_results": 50})
    reply.raise_for_status()
    return [hit for hit in reply.json()["data"] if word in hit["content"][0]["text"]]


def all_files(client, store):
    files, after = [], {}
    while True:
        page = client.get(f"/v1/vector_stores/{store}/files", params={"limit": 100, "order": "asc", **after}).json()
        files += page["data"]
        if not page["has_more"]:
            return files
        after = {"after": page["last_id"]}


def check(client, store, ledger, words):
    deadline = time.monotonic() + 60
    files = all_files(client, store)
    while any(f["status"] == "in_progress" for f in files):
        assert time.monotonic() < deadline, "ingest did not resume"
        time.sleep(0.05)
        files = all_files(client, store)
    listed = {f["id"]: f["status"] for f in files}
    for file_id, word in ledger.added.items():
        assert listed.get(file_id) == "completed", (word, listed.get(file_id))
    for file_id in ledger.deleted:
        assert file_id not in listed
    for file_id, word in words:
        hits = found(client, store, word)
        parts = [hit["chunk_id"] for hit in hits]
        if file_id in ledger.added:
            assert parts, f"{word} was acknowledged and is not found"
            assert {hit["file_id"] for hit in hits} == {file_id}
            assert len(parts) == len(set(parts))
        elif file_id in ledger.deleted:
            assert not parts, f"{word} was deleted and is still found"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_kill_9_loses_nothing_acknowledged(tmp_path):
    dice, ledger = random.Random(20231123), Ledger()
    server = Server(tmp_path / "data")
    try:
        with httpx.Client(base_url=server.url, timeout=30) as client:
            store = client.post("/v1/vector_stores", json={"name": "churn"}).json()["id"]
        for round in range(ROUNDS):
            stop = threading.Event()
            clients = [
                threading.Thread(target=churn, args=(server.url, store, ledger, stop, f"{round}-{n}"))
                for n in range(CLIENTS)
            ]
            for thread in clients:
                thread.start()
            time.sleep(dice.uniform(0.05, 1.5))
            server.kill()
            stop.set()
            for thread in clients:
                thread.join()
            server.start()
            with httpx.Client(base_url=server.url, timeout=30) as client:
                everything = [*ledger.added.items(), *ledger.deleted.items()]
                sample = dice.sample(everything, min(40, len(everything)))
                check(client, store, ledger, sample if round < ROUNDS - 1 else everything)
        assert len(ledger.added) > ROUNDS
        assert server.stop() == 0
    finally:
        if server.process.poll() is None:
            server.kill()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_half_of_a_file_is_ever_found(tmp_path):
    """A long file is killed in the middle of its ingest; until it is completed, none of it is found."""
    server = Server(tmp_path / "data")
    text = "\n\n".join(f"Chapter {n} of the zqlong saga tells of winters. " * 30 for n in range(400))
    try:
        with httpx.Client(base_url=server.url, timeout=30) as client:
            store = client.post("/v1/vector_stores", json={"name": "long"}).json()["id"]
            upload = {"file": ("long.txt", text.encode())}
            file_id = client.post("/v1/files", files=upload, data={"purpose": "assistants"}).json()["id"]
            client.post(f"/v1/vector_stores/{store}/files", json={"file_id": file_id}).raise_for_status()
            assert found(client, store, "zqlong") == []
        done = []
        for _ in range(3):
            with httpx.Client(base_url=server.url, timeout=30) as client:
                wait_for_progress(client, store, file_id, done[-1] if done else 0)
                hits = found(client, store, "zqlong")
                file = client.get(f"/v1/vector_stores/{store}/files/{file_id}").json()
                assert hits == [] or file["status"] == "completed"
                done.append(file["progress"]["done"])
            server.kill()
            server.start()
        with httpx.Client(base_url=server.url, timeout=30) as client:
            wait_for_progress(client, store, file_id, 10**9)
            assert client.get(f"/v1/vector_stores/{store}/files/{file_id}").json()["status"] == "completed"
            assert found(client, store, "zqlong")
        assert done == sorted(done)
        assert done[0] > 0
        server.stop()
    finally:
        if server.process.poll() is None:
            server.kill()


def wait_for_progress(client, store, file_id, beyond):
    """Until more than `beyond` chunks are done, or the file is."""
    deadline = time.monotonic() + 120
    while True:
        file = client.get(f"/v1/vector_stores/{store}/files/{file_id}").json()
        if file["status"] != "in_progress" or file["progress"]["done"] > beyond:
            return
        assert time.monotonic() < deadline, file
        time.sleep(0.02)
