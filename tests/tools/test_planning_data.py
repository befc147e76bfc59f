"""The planner and the validator on published problems: costs that are proven, plans that people and a model made."""

import json

import pytest

from agents.tasks.pddl import Pddl, with_constants
from tests.tools.plans_in_words import WORDS, plan_of
from tools.pddl.domain import read_domain
from tools.pddl.errors import PlanningError
from tools.pddl.planning import Wanted, plan
from tools.pddl.plans import read_plan, validate
from tools.pddl.problem import read_problem

PLANBENCH = "planbench/llm_planning_analysis"


@pytest.fixture(scope="module")
def problems(data_dir):
    folder = data_dir / "llm_pddl"
    if not folder.is_dir():
        pytest.skip(f"no problems of LLM+P: {str(folder)!r} is no folder")
    return folder


@pytest.mark.parametrize("domain", WORDS)
def test_each_worked_example_is_a_plan(problems, domain):
    folder = problems / domain
    text = (folder / "p_example.pddl").read_text()
    if domain == "floortile":
        # Its :init speaks of a robot and a colour that :objects leaves out, as the next test says.
        text = text.replace("robot1 - robot", "robot1 robot2 - robot").replace("white - color", "white black - color")
    problem = read_problem(text, read_domain(with_constants((folder / "domain.pddl").read_text(), text)))
    steps = plan_of(domain, (folder / "p_example.sol").read_text(), problem)
    assert steps, "the words tell no plan that can be carried out and reaches the goal"
    assert validate(problem, steps).valid
    for left in range(len(steps)):
        assert not validate(problem, steps[:left]).valid


def test_an_example_that_leaves_out_an_object_is_told_so(problems):
    folder = problems / "floortile"
    with pytest.raises(PlanningError, match=r"'robot2' is declared nowhere: name it in \(:objects"):
        read_problem((folder / "p_example.pddl").read_text(), read_domain((folder / "domain.pddl").read_text()))


def test_tyreworld_as_given_names_what_it_does_not_declare(problems):
    with pytest.raises(PlanningError) as caught:
        read_domain((problems / "tyreworld" / "domain.pddl").read_text())
    assert caught.value.kind == "unknown"
    assert ":constants" in str(caught.value)


def test_recorded_plans_of_a_model_are_judged_as_published(data_dir):
    folder = data_dir / PLANBENCH
    recorded = folder / "results" / "blocksworld" / "gpt-4_chat" / "task_1_plan_generation.json"
    if not recorded.is_file():
        pytest.skip(f"no recorded plans: {str(recorded)!r} is no file")
    domain = read_domain((folder / "instances" / "blocksworld" / "generated_domain.pddl").read_text())
    agree = right = 0
    rows = json.loads(recorded.read_text())["instances"]
    for row in rows:
        path = folder / "instances" / "blocksworld" / "generated_basic" / f"instance-{row['instance_id']}.pddl"
        problem = read_problem(path.read_text(), domain)
        valid = validate(problem, read_plan(" ".join(row["extracted_llm_plan"]))).valid
        agree += valid is row["correct"]
        right += valid
        assert validate(problem, read_plan(" ".join(row["ground_truth_plan"]))).valid
    assert (agree, right, len(rows)) == (500, 157, 500)


@pytest.mark.slow
@pytest.mark.parametrize("domain", ["barman", "blocksworld", "grippers", "storage", "floortile", "termes", "tyreworld"])
async def test_optimal_plans_cost_what_is_proven(problems, domain):
    """About three minutes in all, two of them for Barman's two problems."""
    known = [item for item in Pddl().items(problems / domain) if item.gold.cost is not None]
    assert known
    for item in known:
        found = await plan(item.gold.domain, item.gold.problem, Wanted(optimal=True, seconds=500))
        assert (item.id, found.cost) == (item.id, item.gold.cost)
