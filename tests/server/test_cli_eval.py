"""`sandtable eval`: scores, resumption, and what stands in its way."""

import json

import pytest

from tests.server.command_line import CommandLine

STATES = ["", "4 * 6 = 24 (left: 1 1 24)\n", "24 * 1 = 24 (left: 1 24)\n", "24 * 1 = 24 (left: 24)\n"]


def log(*puzzles):
    """A recorded run of one line of thought for each puzzle."""
    runs = []
    for puzzle, answer in puzzles:
        path, steps = "", []
        for line in [*STATES[1:], f"Answer: {answer} = 24\n"]:
            steps.append({"x": puzzle, "ys": [path], "new_ys": [path + line], "values": [60.0]})
            path += line
        runs.append({"steps": steps})
    return json.dumps(runs)


@pytest.fixture
def sandtable(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANDTABLE_BACKEND", "extractive")
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "log.json").write_text(log(("1 1 4 6", "4 * 6 * 1 * 1"), ("1 2 4 6", "4 * 6 * 1 * 1")))
    return CommandLine(capsys)


EVAL = ("eval", "game24", "-p", "tot", "-b", "recorded:log.json")


def test_a_recorded_run_is_scored_and_not_asked_twice(sandtable, tmp_path):
    found = sandtable.fine(*EVAL, "--json").json
    assert (found["items"], found["failed"], found["calls"]) == (2, 0, 16.0)
    assert (found["metrics"]["score"]["sum"], found["metrics"]["any_of_b"]["mean"]) == (1.0, 0.5)
    assert found["metrics"]["score"]["low"] < 0.5 < found["metrics"]["score"]["high"]
    assert {figure["pipeline"] for figure in found["paper"]} >= {"tot"}
    assert [reason for reason in found["reasons"] if reason.startswith("uses 4 6 1 1")]
    (tmp_path / "log.json").write_text(log(("1 1 4 6", "1"), ("1 2 4 6", "1")))
    again = sandtable.fine(*EVAL)
    assert "2 answers are there already" in again.err
    assert "0.500" in again.out
    assert sandtable.fine(*EVAL, "--fresh", "--json").json["metrics"]["score"]["sum"] == 0.0


def test_a_part_of_the_items_is_enough_and_a_torn_line_is_asked_again(sandtable, tmp_path):
    sandtable.fine(*EVAL, "-n", "1", "--json")
    (kept,) = (tmp_path / ".sandtable" / "eval").glob("game24-tot-*.jsonl")
    with kept.open("a") as file:
        file.write('{"id": "1", "answ')
    found = sandtable.fine(*EVAL, "--json").json
    assert found["items"] == 2


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("eval", "game25"), 2, "there are game24"),
        (("eval", "game24"), 2, "--data DIR"),
        (("eval", "game24", "--data", "."), 2, "24.csv"),
        (("eval", "game24", "-b", "recorded:none.json"), 2, "cannot be read"),
        ((*EVAL[:2], "-p", "nothing", *EVAL[4:]), 1, "No model 'nothing'"),
        ((*EVAL, "-o", "b=0"), 1, "sandtable.options.b"),
        ((*EVAL[:2], "-p", "chat", *EVAL[4:]), 1, "no run gave an answer"),
    ],
)
def test_what_stands_in_the_way_is_named(sandtable, arguments, code, said):
    result = sandtable(*arguments)
    assert result.code == code, result
    assert said in result.err
    assert "Traceback" not in result.err
