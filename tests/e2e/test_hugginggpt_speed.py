"""A plan over HTTP against the clock: it takes as long as its longest chain of tasks, and rounds would take longer."""

import json
import sys
from datetime import datetime

import httpx
import pytest

from tests.e2e.killed_runs import counting

pytestmark = pytest.mark.slow

SECONDS = {0: 2.5, 1: 0.5, 2: 0.5, 3: 2.5, 4: 1.0, 5: 1.0, 6: 1.0}
NEEDS = {0: (), 1: (), 2: (0,), 3: (1,), 4: (), 5: (4,), 6: (5,)}
CHAIN, ROUNDS, ALONE = 3.0, 2.5 + 2.5 + 1.0, sum(SECONDS.values())
PLAN = [
    {
        "task": "pause", "id": id, "dep": [],
        "args": {"seconds": SECONDS[id], "after": [f"<resource>-{need}" for need in needs]},
    }
    for id, needs in NEEDS.items()
]  # fmt: skip


def test_independent_tasks_run_at_once(tmp_path):
    script = [{"told": "You plan", "text": json.dumps({"tasks": PLAN})}, {"match": "<tool_result", "text": "Done."}]
    with counting(tmp_path, script, ("pause",)) as server:
        body = {"model": "hugginggpt", "messages": [{"role": "user", "content": "Wait."}]}
        # The first one imports LangGraph on its way; of the others the quickest counts, as a machine has other work.
        httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=60)
        walls = [seconds(server, body) for _ in range(3)]
    wall = min(walls)
    sys.stdout.write(f"\n{wall:.2f} s; longest chain {CHAIN} s, in rounds {ROUNDS} s, one by one {ALONE} s\n")
    assert CHAIN <= wall <= 1.2 * CHAIN


def seconds(server, body):
    """From the first task's start to the last one's end."""
    reply = httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=60).json()
    run_id = reply["sandtable"]["run_id"]
    events = httpx.get(f"{server.url}/v1/runs/{run_id}/events", timeout=60).json()["data"]
    at = {(e["type"], e["task"]): datetime.fromisoformat(e["at"]) for e in events if e["type"].startswith("task_")}
    assert all(at["task_finished", need] <= at["task_started", id] for id, needs in NEEDS.items() for need in needs)
    return (max(at.values()) - min(at.values())).total_seconds()
