"""kill -9 in the middle of tool calls: the run goes on after the restart, and what it did outside happened once."""

import random
import time
from collections import Counter

import httpx
import pytest

from tests.e2e.killed_runs import counting, keys, run_of, until
from tests.server.counted_tools import rows

pytestmark = pytest.mark.slow

TOOLS = ("pay", "note", "step", "slow")
THREE = [
    {"id": "a", "name": "note", "arguments": {"text": "before"}},
    {"id": "b", "name": "slow", "arguments": {"text": "慢"}},
    {"id": "c", "name": "note", "arguments": {"text": "after"}},
]
ROUNDS = 5


def pair(n):
    return [{"id": f"s{n}{side}", "name": "step", "arguments": {"text": f"{n}{side}"}} for side in "ab"]


SCRIPT = [
    {"match": "Slow", "results": 0, "tool_calls": THREE},
    {"match": "Slow", "results": 3, "text": "Slowly done."},
    {"match": "Many", "results": 0, "tool_calls": [{"name": "pay", "arguments": {"to": "Bo", "cents": 1}}]},
    *({"match": "Many", "results": 1 + 2 * n, "tool_calls": pair(n)} for n in range(ROUNDS)),
    {"match": "Many", "results": 1 + 2 * ROUNDS, "text": "All done."},
]


@pytest.fixture
def ledger(tmp_path):
    return str(tmp_path / "ledger.sqlite3")


@pytest.fixture
def server(tmp_path):
    with counting(tmp_path, SCRIPT, TOOLS) as running:
        yield running


def ask(server, question, **options):
    """The id of a run that waits for a person."""
    body = {"model": "function_calling", "messages": [{"role": "user", "content": question}]}
    reply = httpx.post(
        f"{server.url}/v1/chat/completions", json={**body, "sandtable": {"options": options}}, timeout=60
    )
    assert reply.status_code == 409, reply.text
    return reply.json()["error"]["sandtable"]["run_id"]


def agree(server, run_id):
    """The id of the run that goes on."""
    reply = httpx.post(f"{server.url}/v1/runs/{run_id}/resume", json={"answer": True}, timeout=60)
    assert reply.status_code == 202, reply.text
    return reply.json()["id"]


def test_a_call_cut_short_is_made_again_under_its_key_and_its_siblings_are_not(server, ledger, tmp_path):
    run_id = ask(server, "Slow!", approve=["slow"])
    assert sorted(rows(ledger, "try")) == [("note", "after"), ("note", "before")]
    server.kill()
    server.start()
    assert run_of(server, run_id)["status"] == "waiting"

    resumed = agree(server, run_id)
    until(lambda: ("slow", "慢") in rows(ledger, "try"))
    server.kill()  # The effect is done, and nobody knows yet.
    (tmp_path / "ledger.sqlite3.go").touch()
    server.start()
    done = until(lambda: (run := run_of(server, resumed))["status"] not in ("queued", "running") and run)
    assert (done["status"], done["answer"]) == ("success", "Slowly done.")
    assert Counter(rows(ledger, "try")) == {("note", "before"): 1, ("note", "after"): 1, ("slow", "慢"): 2}
    assert len(set(keys(ledger, "slow"))) == 1
    assert Counter(rows(ledger, "effect")) == {("note", "before"): 1, ("note", "after"): 1, ("slow", "慢"): 1}

    events = httpx.get(f"{server.url}/v1/runs/{resumed}/events", timeout=60).json()["data"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert [e["type"] for e in events if e["type"] in ("run_started", "run_resumed", "run_finished")] == [
        "run_started", "run_resumed", "run_finished",
    ]  # fmt: skip
    told = [e for e in events if e["type"] == "llm_called"][-1]["request"]["messages"]
    assert [m["tool_call_id"] for m in told if m["role"] == "tool"] == ["a", "b", "c"]


@pytest.mark.timeout(600)
def test_killed_at_random_moments_every_effect_happens_once(server, ledger):
    dice = random.Random(20261125)
    resumed, kills = agree(server, ask(server, "Many!")), 0
    while run_of(server, resumed)["status"] in ("queued", "running"):
        time.sleep(dice.uniform(0.05, 0.7))
        if kills < 8:
            server.kill()
            server.start()
            kills += 1
    done = run_of(server, resumed)
    assert (done["status"], done["answer"]) == ("success", "All done.")
    assert kills >= 4
    wanted = {("pay", "Bo 1"): 1} | {("step", f"{n}{side}"): 1 for n in range(ROUNDS) for side in "ab"}
    assert Counter(rows(ledger, "effect")) == wanted
    events = httpx.get(f"{server.url}/v1/runs/{resumed}/events", params={"limit": 10_000}, timeout=60).json()["data"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    finished = Counter(event["call"]["id"] for event in events if event["type"] == "tool_called")
    assert set(finished.values()) == {1}
