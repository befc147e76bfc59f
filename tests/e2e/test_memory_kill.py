"""kill -9 while runs remember: after the restarts everything is remembered once, and every run replays."""

import random
import time
from collections import Counter

import httpx
import pytest

from tests.e2e.killed_runs import counting, finished

pytestmark = pytest.mark.slow

SCRIPT = [{"match": "On a scale of 1 to 10", "text": '{"ratings": [3, 2]}'}, {"match": ".", "text": "Noted."}]
RUNS, KILLS = 12, 4


def submit(server, question):
    """The id of a durable run with a stream of memory."""
    thread = httpx.post(f"{server.url}/threads", json={}, timeout=60).json()["thread_id"]
    context = {"memory": "stream", "user": "ada"}
    body = {"assistant_id": "chat", "input": {"question": question}, "context": context}
    reply = httpx.post(f"{server.url}/threads/{thread}/runs", json=body, timeout=60)
    assert reply.status_code == 200, reply.text
    return reply.json()["run_id"]


def test_what_is_said_is_remembered_once_whenever_the_process_ends(tmp_path):
    chance = random.Random(9)
    with counting(tmp_path, SCRIPT, ()) as server:
        runs = [submit(server, f"Note {number}.") for number in range(RUNS)]
        for _ in range(KILLS):
            time.sleep(chance.uniform(0, 0.3))
            server.kill()
            server.start()
        for run_id in runs:
            done, _ = finished(server, run_id)
            assert done["answer"] == "Noted."
        kept = httpx.get(f"{server.url}/v1/memories", params={"user": "ada", "limit": 1_000}, timeout=60).json()["data"]
        expected = Counter({f"The user said: Note {number}.": 1 for number in range(RUNS)})
        assert Counter(one["text"] for one in kept) == expected + Counter({"The user was answered: Noted.": RUNS})
        for run_id in runs:
            told = httpx.post(f"{server.url}/v1/runs/{run_id}/replay", json={}, timeout=60).json()
            assert told["identical"], told
