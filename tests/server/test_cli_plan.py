"""`sandtable plan`, and planning problems as a task: what is printed, what is wrong, what is scored."""

import json

import pytest

from agents.tasks.base import BadData
from agents.tasks.pddl import Pddl
from tests.server.command_line import CommandLine
from tests.tools.planning_texts import COST, DOMAIN, PLAN, PROBLEM


@pytest.fixture
def sandtable(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SANDTABLE_BACKEND", "extractive")
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "domain.pddl").write_text(DOMAIN)
    (tmp_path / "problem.pddl").write_text(PROBLEM)
    (tmp_path / "plan.txt").write_text(PLAN)
    return CommandLine(capsys)


CHECK = ("plan", "domain.pddl", "problem.pddl", "--check", "plan.txt")


def test_a_plan_is_checked_by_hand(sandtable, tmp_path):
    found = sandtable.fine(*CHECK, "--json").json
    assert (found["valid"], found["cost"], found["plan"]) == (True, COST, PLAN.splitlines())
    assert f"cost {COST}; every step is checked" in sandtable.fine(*CHECK).out
    (tmp_path / "plan.txt").write_text("\n".join(PLAN.splitlines()[1:]))
    broken = sandtable(*CHECK, "--json")
    assert (broken.code, broken.json["valid"], broken.json["step"]) == (1, False, 1)
    assert "Not a plan: step 1, " in sandtable(*CHECK).out


def test_wrong_pddl_is_wrong_use_and_names_its_line(sandtable, tmp_path):
    (tmp_path / "problem.pddl").write_text(PROBLEM.replace("(in cup", "(inn cup"))
    wrong = sandtable(*CHECK)
    assert wrong.code == 2
    assert "there is no predicate 'inn'" in wrong.err
    (tmp_path / "domain.pddl").write_bytes(b"\xff\xfe(define")
    wrong = sandtable(*CHECK)
    assert (wrong.code, "is not UTF-8 text" in wrong.err) == (2, True)


@pytest.mark.slow
def test_a_plan_is_made_and_a_limit_holds(sandtable):
    found = sandtable.fine("plan", "domain.pddl", "problem.pddl", "--optimal", "--json").json
    assert (found["cost"], found["optimal"], found["valid"]) == (COST, True, True)
    late = sandtable("plan", "domain.pddl", "problem.pddl", "--time-limit", "0.01")
    assert late.code == 1
    assert "no plan within 0.01 seconds" in late.err


@pytest.fixture
def folder(tmp_path):
    """As the authors' data is laid out, with one domain and one problem."""
    domain = tmp_path / "planning" / "errands"
    domain.mkdir(parents=True)
    (domain / "domain.pddl").write_text(DOMAIN)
    for name in ("p_example", "p01"):
        (domain / f"{name}.pddl").write_text(PROBLEM)
        (domain / f"{name}.nl").write_text("Fetch the cup. 把杯子拿来。")
    costs = {"errands/p01": {"fd_astar_lmcut_optimal": COST}}
    (domain.parent / "costs.json").write_text(json.dumps({"costs": costs}))
    return domain.parent


def test_a_plan_solves_the_true_problem_or_not(folder):
    (item,) = Pddl().items(folder)
    assert item.id == "errands/p01"
    right = Pddl().check(item, f"The plan:\n{PLAN}")
    assert (right.score, right.details) == (1.0, {"errands": 1.0, "optimal": 1.0})
    assert Pddl().check(item, "I cannot plan.").reason == "the answer holds no plan"
    assert Pddl().check(item, PLAN.splitlines()[0]).reason == "the goal is not reached"
    assert Pddl().check(item, "(fly home)").reason == "a step cannot be done"


def test_data_that_cannot_be_used_is_named(folder, tmp_path):
    (folder / "errands" / "p01.pddl").write_text("(define")
    with pytest.raises(BadData, match=r"p01\.pddl"):
        Pddl().items(folder)
    with pytest.raises(BadData, match=r"has no folder with domain\.pddl"):
        Pddl().items(tmp_path / "nowhere")


@pytest.mark.slow
def test_the_task_is_evaluated_end_to_end(sandtable, folder, tmp_path):
    script = [{"match": "Put this planning problem", "text": PROBLEM}]
    (tmp_path / "script.json").write_text(json.dumps(script))
    found = sandtable.fine(
        "eval", "pddl", "--data", str(folder), "-p", "llm_p", "-b", "scripted:script.json", "--json"
    ).json  # fmt: skip
    assert (found["items"], found["failed"], found["metrics"]["score"]["mean"]) == (1, 0, 1.0)
    assert found["metrics"]["optimal"]["mean"] == 1.0
    assert {figure["pipeline"] for figure in found["paper"]} >= {"llm_p"}
