"""`sandtable replay` from the shell's point of view."""

import json
import os
import subprocess
import sys

import pytest

from tests.server.command_line import CommandLine

NO_NETWORK = """
import socket, sys

def refused(*_):
    raise AssertionError("a replay opened a socket")

socket.socket.connect = socket.create_connection = socket.getaddrinfo = refused
from server.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


@pytest.fixture
def sandtable(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANDTABLE_BACKEND", "extractive")
    monkeypatch.setenv("COLUMNS", "100")
    return CommandLine(capsys)


@pytest.fixture
def recorded(sandtable, tmp_path):
    """The id of a run of rag, saved in run.json."""
    (tmp_path / "tower.md").write_text("The tower is 330 metres tall. 塔高330米。")
    sandtable.fine("ingest", "tower.md", "-c", "notes")
    asked = sandtable.fine("ask", "How tall is the tower?", "-c", "notes", "--record", "run.json", "--json")
    assert "`sandtable replay run.json` runs it again" in asked.err
    return asked.json["sandtable"]["run_id"]


def test_a_run_and_its_file_replay_the_same(sandtable, recorded):
    for what in (recorded, "run.json"):
        assert sandtable.fine("replay", what).out.startswith("Identical: all ")
        assert sandtable.fine("replay", what, "--json").json["identical"] is True
    assert sandtable.fine("replay", recorded, "--save", "again.json", "--json").json["run_id"] == recorded
    with open("run.json", "rb") as one, open("again.json", "rb") as two:
        assert one.read() == two.read()


@pytest.mark.slow
def test_a_file_replays_elsewhere_without_network_data_or_model(sandtable, recorded, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    command = [sys.executable, "-c", NO_NETWORK, "replay", str(tmp_path / "run.json"), "--json"]
    environment = {**os.environ, "SANDTABLE_BACKEND": "openai:nobody"}
    done = subprocess.run(
        command, cwd=elsewhere, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["identical"] is True
    assert list(elsewhere.iterdir()) == []


def test_what_differs_is_shown_with_both_values_and_exit_code_1(sandtable, recorded, tmp_path):
    document = json.loads((tmp_path / "run.json").read_text())
    document["run"]["events"][-1]["answer"] = "It is 300 metres tall."
    (tmp_path / "edited.json").write_text(json.dumps(document))
    told = sandtable("replay", "edited.json")
    assert told.code == 1
    last = len(document["run"]["events"])
    assert f"First difference: event {last}\n  field     answer\n" in told.out
    assert '  recorded  "It is 300 metres tall."' in told.out
    assert "330 metres tall" in told.out
    found = sandtable("replay", "edited.json", "--json")
    assert (found.code, found.json["first_difference"]["field"]) == (1, "answer")


def test_a_fork_shows_both_answers(sandtable, recorded, tmp_path):
    (tmp_path / "script.json").write_text(json.dumps([{"text": "A thousand feet [1].", "match": "."}]))
    steps = sandtable.fine("replay", recorded, "--steps")
    assert [" ".join(line.split()[:2]) for line in steps.out.splitlines()[1:]] == ["1 retrieve", "2 answer", "3 verify"]
    change = f"backend=scripted:{tmp_path}/script.json"
    told = sandtable.fine("replay", recorded, "--with", change, "--from-step", "2")
    assert "fork from step 2" in told.out
    assert "A thousand feet [1]." in told.out
    assert "330 metres" in told.out
    both = sandtable.fine("replay", recorded, "--with", change, "--from-step", "2", "--json").json
    assert both["recorded"]["id"] == recorded
    assert both["fork"]["answer"] == "A thousand feet [1]."
    assert sandtable.fine("replay", both["fork"]["id"], "--json").json["identical"] is True


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nope"], 2, "there is no run 'nope'"),
        (["run.json", "--from-step", "2"], 2, "is a file"),
        (["run.json", "--steps", "--save", "x"], 2, "one at a time"),
        (["RUN", "--with", "model=x"], 2, "--with takes backend=SPEC or option.KEY=VALUE; got 'model'"),
        (["RUN", "--with", "option.kk=3"], 2, "with.options.kk"),
        (["RUN", "--from-step", "7"], 2, "has no step 7; it has 1 (retrieve), 2 (answer), 3 (verify)"),
        (["tower.md"], 1, "this is no cassette"),
    ],
)
def test_wrong_use_says_so(sandtable, recorded, arguments, code, said):
    told = sandtable("replay", *(recorded if argument == "RUN" else argument for argument in arguments))
    assert told.code == code, told
    assert said in " ".join(told.err.split())
