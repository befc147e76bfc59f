"""An index whose training takes minutes holds nobody up: cancelling, stopping and kill -9 end it."""

import time
from pathlib import Path

import httpx
import pytest

from benchmarks.traffic import Passage, put
from tests.e2e.live import server

SPEC = "faiss:OPQ32_128,IVF4,PQ32"
PATIENCE_S = 120


def workers(process):
    """Trainers that a process started, wherever /proc tells."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            about = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
            command = (status.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if about["PPid"].strip() == str(process.pid) and b"retrieval.indexes.training_worker" in command:
            found.append(int(status.parent.name))
    return found


def trained_by(live, client, store):
    """Have an index built; its id and the process that trains it."""
    path = f"/v1/vector_stores/{store}/generations"
    made = client.post(path, json={"index": SPEC}).raise_for_status().json()["id"]
    until = time.monotonic() + PATIENCE_S
    while not (found := workers(live.process)):
        assert time.monotonic() < until
        time.sleep(0.02)
    return made, found[0]


def gone(pid):
    until = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    return True


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the trainers are found in /proc")
def test_a_training_ends_with_whatever_ends_it(tmp_path):
    with server(tmp_path / "data") as live, httpx.Client(base_url=live.url, timeout=PATIENCE_S) as client:
        store = client.post("/v1/vector_stores", json={"name": "trained", "sandtable": {"index": "flat"}}).json()["id"]
        put(client, store, [Passage(f"Crane {n} lifts {n * 7919} tons in harbour {n % 37}.", 0) for n in range(260)])
        made, pid = trained_by(live, client, store)
        path = f"/v1/vector_stores/{store}/generations/{made}"
        assert client.post(f"{path}/cancel").raise_for_status().json()["status"] == "cancelled"
        assert not Path(f"/proc/{pid}").exists()
        assert not (tmp_path / "data" / "collections" / store / made).exists()

        made, pid = trained_by(live, client, store)
        assert live.stop() == 0
        assert gone(pid)
        live.start()
        until = time.monotonic() + PATIENCE_S
        while not workers(live.process):
            assert time.monotonic() < until
            time.sleep(0.02)
        (pid,) = workers(live.process)
        # Not its group: only the server, as the kernel would end it.
        live.process.kill()
        live.process.wait()
        live.process.stdout.close()
        live.log.close()
        assert gone(pid)
