"""kill -9 in the middle of a search, breadth first and depth first: it goes on, and no finished call is made again."""

import json
import re
import time

import pytest

from demos.tot import SCRIPT
from tests.e2e.killed_runs import asked, finished, run_of, submit, until
from tests.e2e.live import Server
from tests.e2e.model_server import model_server
from tests.fake_upstream import ROLE, Canned, chunk, event, stream_of

pytestmark = pytest.mark.slow

KILLS = 3
BETWEEN = 8
"""Calls that are answered from one kill to the next: however slowly the service starts, the search cannot end first."""
REPLIES = [(re.compile(entry["match"]), entry["text"]) for entry in json.loads(SCRIPT.read_text("utf-8"))]
WORDS = "\n".join(f"{way}{n}. aaaaa (certain)" for way in "hv" for n in range(1, 6))
CLUES = "\n".join(f"{way}{n}. clue {way}{n}" for way in "hv" for n in range(1, 6))
BOARD = "\n".join(["A A A A A"] * 4 + ["_ _ _ _ _"])


class Thinker:
    """Answers as many calls as it may; the others hang."""

    left = BETWEEN

    def __call__(self, body):
        self.left -= 1
        return answer(body) if self.left >= 0 else Canned((event(chunk(ROLE)),), then="stall")


def answer(body):
    prompt = body["messages"][-1]["content"]
    if "mini crossword" in prompt:
        text = WORDS
    elif "five letters that has the given meaning" in prompt:
        text = "maybe"
    else:
        text = next(text for pattern, text in REPLIES if pattern.search(prompt))
    return Canned(stream_of(text, size=400), pause=0.03)


@pytest.mark.parametrize(
    ("question", "options", "said"),
    [
        ("3 3 8 8", {"problem": "game24", "b": 2, "evaluations": 3}, "Answer: 8 / (3 - 8 / 3) = 24"),
        ("3 3 8 8", {"problem": "game24", "search": "dfs", "threshold": 0.003}, "Answer: 8 / (3 - 8 / 3) = 24"),
        (CLUES, {"problem": "crosswords", "depth": 4, "max_nodes": 12, "k": 2}, BOARD),
    ],
    ids=["breadth", "depth", "crosswords"],
)
def test_a_search_goes_on_where_it_was_killed(tmp_path, question, options, said):
    (tmp_path / "data").mkdir()
    thinker = Thinker()
    with model_server(thinker=thinker) as upstream:
        environment = upstream.environment | {"SANDTABLE_BACKEND": "fake:thinker"}
        server = Server(tmp_path / "data", **environment)
        try:
            run_id, pause = submit(server, "tot", question, **options), 0.15
            for kill in range(KILLS):
                before = len(upstream.requests)
                until(lambda before=before: len(upstream.requests) >= before + 4)
                time.sleep(pause)
                assert run_of(server, run_id)["status"] in ("queued", "running")
                server.kill()
                thinker.left = BETWEEN if kill < KILLS - 1 else 10_000
                server.start()
            done, events = finished(server, run_id)
        finally:
            if server.process.poll() is None:
                server.kill()
    assert (done["status"], done["answer"]) == ("success", said)
    # Each call once in the trace; what the model was asked again had not come to an end.
    assert set(asked(events).values()) == {1}
    cut = len(upstream.requests) - sum(event["type"] == "llm_called" for event in events)
    assert 0 <= cut <= KILLS * 24
    assert [event["type"] for event in events].count("run_resumed") == KILLS
    nodes = [event["id"] for event in events if event["type"] == "candidate"]
    assert len(set(nodes)) >= 4
