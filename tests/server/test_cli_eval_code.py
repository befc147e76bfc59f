"""Programs as answers, from the command to the sandbox and back."""

import json

import pytest

from tests.agents.tasks.test_coding import ROW
from tests.server.command_line import CommandLine

ROWS = [
    ROW,
    {
        **ROW,
        "task_id": "Test/1",
        "prompt": "def double(n):\n",
        "entry_point": "double",
        "test": "def check(candidate):\n    import os\n    assert candidate(4) == 8",
    },
]
RIGHT = "```python\ndef add(a, b):\n    return a + b\n```"
SCRIPT = [
    {"match": "Write at most[\\s\\S]*add", "text": "assert add(2, 2) == 4"},
    {"match": "def add", "text": RIGHT},
    {"match": "def double", "text": "```python\ndef double(n):\n    return n + n + 1\n```"},
]


@pytest.fixture
def sandtable(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANDTABLE_BACKEND", "extractive")
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "HumanEval.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    return CommandLine(capsys)


EVAL = ("eval", "humaneval", "--data", "data", "-b", "scripted:script.json")


def test_without_a_sandbox_the_command_says_why(sandtable, monkeypatch):
    monkeypatch.setenv("SANDTABLE_SANDBOX", "off")
    refused = sandtable(*EVAL, "-p", "chat")
    assert refused.code != 0
    assert "tests cannot be run" in refused.err


@pytest.mark.slow
def test_hidden_tests_run_in_the_sandbox(sandtable):
    doctor = sandtable("doctor").out
    if "ok    sandbox" not in doctor:
        pytest.skip("no sandbox here")
    found = sandtable.fine(*EVAL, "-p", "chat", "--json").json
    assert (found["items"], found["failed"], found["metrics"]["score"]["sum"]) == (2, 0, 1.0)
    assert found["reasons"] == {"AssertionError": 1}
    assert "2 answers are there already" in sandtable.fine(*EVAL, "-p", "chat").err
    trials = sandtable.fine(*EVAL, "-p", "reflexion", "-o", "inner=chat", "-n", "1", "--json").json
    assert [row["sum"] for row in trials["trials"]] == [1.0]
    assert trials["metrics"]["score"]["sum"] == 1.0
