"""kill -9 in the middle of a plan: tasks that had finished are not run again, those after them get their results."""

import json
import random
import time
from collections import Counter

import httpx
import pytest

from tests.e2e.killed_runs import asked, counting, finished, keys, run_of, submit, until
from tests.server.counted_tools import rows

pytestmark = pytest.mark.slow

TOOLS = ("note", "step", "slow")


def task(id, kind, text, *dep):
    return {"task": kind, "id": id, "dep": list(dep), "args": {"text": text}}


ONE_ROUND = [
    task(0, "note", "first"),
    task(1, "step", "after <resource>-0", 0),
    task(2, "slow", "慢 after <resource>-0", 0),
    task(3, "note", "last: <resource>-1, <resource>-2", 1, 2),
    task(4, "summarization", "<resource>-0", 0),
]
MANY = [task(n, "step", f"{n}" + "".join(f" <resource>-{d}" for d in (n - 3,) if d >= 0)) for n in range(15)]
SCRIPT = [
    {"match": "Slow", "told": "You plan", "text": json.dumps({"tasks": ONE_ROUND})},
    {"match": "Many", "told": "You plan", "text": json.dumps({"tasks": MANY})},
    {"told": "Carry out one task", "text": "in short"},
    {"match": "<tool_result", "text": "All done."},
]


@pytest.fixture
def ledger(tmp_path):
    return str(tmp_path / "ledger.sqlite3")


@pytest.fixture
def server(tmp_path):
    with counting(tmp_path, SCRIPT, TOOLS) as running:
        yield running


def test_what_had_finished_is_not_run_again_and_its_result_is_known(server, ledger, tmp_path):
    run_id = submit(server, "hugginggpt", "Slow!", choose="first")
    until(lambda: len(rows(ledger, "try")) == 3)
    until(lambda: {0, 1, 4} <= finished_tasks(server, run_id))
    time.sleep(0.5)  # Told of first, stored with the step a moment later.
    server.kill()
    (tmp_path / "ledger.sqlite3.go").touch()
    server.start()
    done, events = finished(server, run_id)
    assert done["status"] == "success"
    assert "- 3 note, note: note: last: step: after note: first, slow: 慢 after note: first" in done["answer"]
    assert Counter(what for what, _ in rows(ledger, "try")) == {"note": 2, "step": 1, "slow": 2}
    assert set(Counter(rows(ledger, "effect")).values()) == {1}
    assert len(set(keys(ledger, "slow"))) == 1
    assert set(asked(events).values()) == {1}
    ends = Counter(event["task"] for event in events if event["type"] == "task_finished")
    assert ends == dict.fromkeys(range(5), 1)


def finished_tasks(server, run_id):
    events = httpx.get(f"{server.url}/v1/runs/{run_id}/events", timeout=60).json()["data"]
    return {event["task"] for event in events if event["type"] == "task_finished"}


@pytest.mark.timeout(300)
def test_killed_at_random_moments_every_task_happens_once(server, ledger):
    dice, kills = random.Random(7), 0
    run_id = submit(server, "hugginggpt", "Many!", choose="first", width=3)
    while run_of(server, run_id)["status"] in ("queued", "running"):
        time.sleep(dice.uniform(0.1, 0.8))
        if kills < 4:
            server.kill()
            server.start()
            kills += 1
    done, events = finished(server, run_id)
    assert done["status"] == "success"
    assert kills >= 2
    assert done["answer"].startswith("All done.\n\nWhat was done:\n- 0 step, step: step: 0\n")
    assert Counter(rows(ledger, "effect")).keys() == Counter(rows(ledger, "try")).keys()
    assert len(rows(ledger, "effect")) == 15
    assert Counter(e["call"]["id"] for e in events if e["type"] == "tool_called" and e["call"]["name"] == "step") == {
        f"task_{n}": 1 for n in range(15)
    }
