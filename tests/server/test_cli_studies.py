"""Studies of `sandtable eval`: cost side by side, and how far a score depends on the prompt."""

import json

import pytest

from tests.server.command_line import CommandLine

PROBLEMS = [("Two and three apples?", 5), ("Nine less four pears?", 5), ("Three threes?", 9)]
SCRIPT = [
    {"match": "<question>", "text": "I do not understand."},
    {"match": "The answer is[\\s\\S]*(apples|pears)", "text": "So 5. The answer is 5."},
    {"match": "The answer is[\\s\\S]*threes", "text": "So 9. The answer is 9."},
    {"match": "apples", "text": "5", "usage": {"prompt_tokens": 10, "completion_tokens": 2}},
    {"match": ".", "text": "7", "usage": {"prompt_tokens": 10, "completion_tokens": 2}},
]


@pytest.fixture
def sandtable(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "data").mkdir()
    lines = [json.dumps({"question": question, "answer": f"So.\n#### {gold}"}) for question, gold in PROBLEMS]
    (tmp_path / "data" / "test.jsonl").write_text("\n".join(lines))
    (tmp_path / "script.json").write_text(json.dumps(SCRIPT))
    return CommandLine(capsys)


COMMON = ("-o", "task=gsm8k", "--data", "data", "-b", "scripted:script.json")


def test_strategies_stand_side_by_side_with_what_a_solved_question_costs(sandtable, tmp_path):
    cost = ("eval", "cost", *COMMON, "-o", 'strategies=["chat", "cot"]', "-o", 'cot={"n": 2}')
    found = sandtable.fine(*cost, "--plot", "cost.svg", "--json").json
    chat, cot = found["strategies"]
    assert (chat["strategy"], chat["solved"], chat["total"]["calls"], chat["per_solved"]["calls"]) == ("chat", 1, 3, 3)
    assert (chat["total"]["tokens"], chat["per_solved"]["tokens"], chat["per_solved"]["cost"]) == (36, 36, None)
    assert (cot["solved"], cot["per_solved"]["calls"], cot["options"]) == (3, 2, {"n": 2})
    assert (tmp_path / "cost.svg").stat().st_size > 1_000
    assert "spent for each solved one" in sandtable.fine(*cost).out


def test_a_score_by_wording_form_and_order(sandtable, tmp_path):
    robust = ("eval", "prompt-robustness", *COMMON, "-p", "cot", "-n", "2", "-o", "orders=2")
    found = sandtable.fine(*robust, "--plot", "cells.png", "--json").json
    by_form = {row["form"]: row["score"] for row in found["cells"] if row["wording"] == "polite"}
    assert by_form == {"plain": 1.0, "labelled": 1.0, "heading": 1.0, "tagged": 0.0}
    assert (found["mean"], found["worst"], found["best"], found["spread"]) == (0.75, 0.0, 1.0, 1.0)
    assert found["example_orders"]["scores"] == [1.0, 1.0]
    assert (tmp_path / "cells.png").stat().st_size > 5_000
    assert "mean 0.750, worst 0.000" in sandtable.fine(*robust).out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("eval", "cost", "--data", "data"), "-o task=gsm8k"),
        (("eval", "cost", *COMMON, "-o", "tots={}"), "tots is neither"),
        (("eval", "cost", *COMMON, "-o", "strategies=chat"), "no list of pipelines"),
        (("eval", "prompt-robustness", *COMMON, "-o", "orders=x"), "no whole number"),
        (("eval", "prompt-robustness", "-o", "task=gsm9k", "--data", "data"), "there is no task 'gsm9k'"),
    ],
)
def test_what_a_study_lacks_is_named(sandtable, arguments, said):
    result = sandtable(*arguments)
    assert result.code == 2, result
    assert said in result.err
