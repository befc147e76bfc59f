"""A service whose tools count what they do, killed in the middle of durable runs, and what is asked of such a run."""

import json
import sqlite3
import time
from collections import Counter
from contextlib import closing, contextmanager

import httpx

from tests.e2e.live import Server
from tests.server.counted_tools import LEDGER


@contextmanager
def counting(tmp_path, script, names):
    """A service on `tmp_path/data`: its model says `script`, its tools write down in a ledger what they do."""
    (tmp_path / "script.json").write_text(json.dumps(script))
    (tmp_path / "data").mkdir()
    tools = json.dumps([f"tests.server.counted_tools:{name}" for name in names])
    backend = f"scripted:{tmp_path / 'script.json'}"
    running = Server(
        tmp_path / "data",
        SANDTABLE_BACKEND=backend,
        SANDTABLE_TOOLS=tools,
        **{LEDGER: str(tmp_path / "ledger.sqlite3")},
    )
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.kill()


def run_of(server, run_id):
    return httpx.get(f"{server.url}/v1/runs/{run_id}", timeout=60).json()


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return value


def keys(ledger, what):
    with closing(sqlite3.connect(ledger)) as db:
        return [key for (key,) in db.execute("select key from try where what = ?", (what,))]


def submit(server, pipeline, question, **options):
    """The id of a durable run."""
    thread = httpx.post(f"{server.url}/threads", json={}, timeout=60).json()["thread_id"]
    body = {"assistant_id": pipeline, "input": {"question": question}, "context": {"options": options}}
    reply = httpx.post(f"{server.url}/threads/{thread}/runs", json=body, timeout=60)
    assert reply.status_code == 200, reply.text
    return reply.json()["run_id"]


def finished(server, run_id, seconds=60):
    done = until(lambda: (run := run_of(server, run_id))["status"] not in ("queued", "running") and run, seconds)
    events = httpx.get(f"{server.url}/v1/runs/{run_id}/events", params={"limit": 10_000}, timeout=60).json()["data"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["type"] == "run_finished"
    return done, events


def asked(events):
    return Counter(json.dumps(event["request"], sort_keys=True) for event in events if event["type"] == "llm_called")
