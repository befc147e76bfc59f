"""kill -9 in the middle of `react`, and of a trial of `reflexion`: the run goes on from the last step of the graph
within, and no finished call is made again."""

import random
import time
from collections import Counter

import pytest

from tests.e2e.killed_runs import asked, counting, finished, keys, run_of, submit, until
from tests.server.counted_tools import rows

pytestmark = pytest.mark.slow

TOOLS = ("note", "slow", "step")
TRIALS, STEPS = 4, 3


def turn(question, step, action, **when):
    return {"match": f"{question}[\\s\\S]*Thought {step}:$", "text": f" So.\nAction {step}: {action}", **when}


SCRIPT = [
    turn("Once", 1, "note[before]"),
    turn("Once", 2, "slow[慢]"),
    turn("Once", 3, "Finish[done]"),
    {"match": "agent that learns[\\s\\S]*Twice", "text": "Wait for it."},
    turn("Twice", 1, "note[second]", told="Wait"),
    turn("Twice", 2, "slow[慢]", told="Wait"),
    turn("Twice", 3, "Finish[right]", told="Wait"),
    turn("Twice", 1, "note[first]"),
    turn("Twice", 2, "Finish[wrong]"),
    *({"match": f"agent that learns[\\s\\S]*Many[\\s\\S]*wrong {n}\n", "text": f"Note {n}."} for n in range(TRIALS)),
    *(
        turn("Many", step, f"step[{trial} {step}]", told=f"Note {trial - 1}" if trial else "")
        for trial in reversed(range(TRIALS))
        for step in range(1, STEPS + 1)
    ),
    turn("Many", STEPS + 1, "Finish[right]", told=f"Note {TRIALS - 2}"),
    *(
        turn("Many", STEPS + 1, f"Finish[wrong {trial}]", told=f"Note {trial - 1}" if trial else "")
        for trial in reversed(range(TRIALS - 1))
    ),
]


@pytest.fixture
def ledger(tmp_path):
    return str(tmp_path / "ledger.sqlite3")


@pytest.fixture
def server(tmp_path):
    with counting(tmp_path, SCRIPT, TOOLS) as running:
        yield running


@pytest.mark.parametrize(
    ("pipeline", "question", "options", "answer", "calls"),
    [
        ("react", "Once", {"tools": ["note", "slow"]}, "done", {("note", "before"): 1, ("slow", "慢"): 2}),
        (
            "reflexion", "Twice", {"inner_options": {"tools": ["note", "slow"]}, "reference": "right"}, "right",
            {("note", "first"): 1, ("note", "second"): 1, ("slow", "慢"): 2},
        ),
    ],
)  # fmt: skip
def test_it_goes_on_in_the_middle(server, ledger, tmp_path, pipeline, question, options, answer, calls):
    run_id = submit(server, pipeline, question, **options)
    until(lambda: ("slow", "慢") in rows(ledger, "try"))
    server.kill()  # The effect is done, and nobody knows yet.
    (tmp_path / "ledger.sqlite3.go").touch()
    server.start()
    done, events = finished(server, run_id)
    assert (done["status"], done["answer"]) == ("success", answer)
    assert Counter(rows(ledger, "try")) == calls
    assert len(set(keys(ledger, "slow"))) == 1
    assert set(Counter(rows(ledger, "effect")).values()) == {1}
    assert set(asked(events).values()) == {1}
    assert [event["type"] for event in events].count("run_resumed") == 1
    assert [event["success"] for event in events if event["type"] == "trial"] == (
        [False, True] if pipeline == "reflexion" else []
    )


@pytest.mark.timeout(600)
def test_trials_killed_at_random_moments_make_every_call_once(server, ledger):
    dice = random.Random(20261125)
    options = {"inner_options": {"tools": ["step"]}, "reference": "right", "max_trials": TRIALS, "omega": 1}
    run_id, kills = submit(server, "reflexion", "Many", **options), 0
    while run_of(server, run_id)["status"] in ("queued", "running"):
        time.sleep(dice.uniform(0.05, 0.7))
        if kills < 8:
            server.kill()
            server.start()
            kills += 1
    done, events = finished(server, run_id)
    assert (done["status"], done["answer"]) == ("success", "right")
    assert kills >= 3
    wanted = {("step", f"{trial} {step}"): 1 for trial in range(TRIALS) for step in range(1, STEPS + 1)}
    assert Counter(rows(ledger, "effect")) == wanted
    assert set(asked(events).values()) == {1}
    numbered = {event["number"]: event["success"] for event in events if event["type"] == "trial"}
    assert numbered == {1: False, 2: False, 3: False, 4: True}
