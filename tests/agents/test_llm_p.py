"""LLM+P: what the model writes goes to a planner, what the planner says to a validator, and nothing is believed."""

import json

import pytest
from pydantic import ValidationError

from agents import catalog, planning_domain
from agents.llm_p import LlmPOptions
from agents.planning_text import pddl_in
from agents.run import Deps, RunInput
from agents.spending import Limits
from tests.agents.fakes import NEVER, Replies, answer_tokens, run, said, warnings
from tests.tools.planning_texts import COST, DOMAIN, PLAN, PROBLEM
from tools.base import tool
from tools.pddl.domain import read_domain
from tools.pddl.errors import PlanningError
from tools.pddl.plans import read_plan, validate
from tools.pddl.problem import read_problem
from tools.toolbox import Toolbox

PIPELINE = catalog.get("llm_p")
PROBLEM_REPLY = said(f"Here it is:\n```pddl\n{PROBLEM}```\nDone.")
QUESTION = "Robo stands in the hall. Bring the cup from the locked cellar; the key is in the kitchen."


class Planner:
    """Stands where the real one does: says the plan of the test for its problem, and remembers its calls."""

    def __init__(self, fails=None):
        self.calls = []
        self.fails = fails

        @tool(name="planner")
        def planner(domain: str, problem: str, optimal: bool, time_limit: float, engine: str) -> dict:
            """Plan."""
            self.calls.append({"domain": domain, "optimal": optimal, "time_limit": time_limit, "engine": engine})
            read = read_problem(problem, read_domain(domain))
            if self.fails is not None:
                raise self.fails
            assert validate(read, read_plan(PLAN)).valid
            return {"plan": PLAN.splitlines(), "cost": COST, "optimal": optimal, "engine": "fake", "seconds": 0.1}

        self.tools = {**Toolbox(), "planner": planner}


def deps(*replies, planner=None, limits=Limits(), **options):
    given = LlmPOptions(domain=DOMAIN, **options)
    return Deps(backend=Replies(*replies), options=given, tools=(planner or Planner()).tools, limits=limits)


def facts(events, kind):
    return [event for event in events if event.type == kind]


async def test_from_words_to_a_checked_plan_and_back():
    planner = Planner()
    given = deps(PROBLEM_REPLY, said("First Robo goes to the kitchen."), planner=planner, time_limit=7, engine="e-1")
    told = await run(PIPELINE, given, QUESTION)
    assert told[-1].type == "run_finished"
    assert planner.calls == [{"domain": DOMAIN, "optimal": True, "time_limit": 7.0, "engine": "e-1"}]
    assert facts(told, "plan")[0].steps == tuple(PLAN.splitlines())
    assert [(fact.what, fact.ok) for fact in facts(told, "validated")] == [("plan", True)]
    assert told[-1].answer.startswith(
        "First Robo goes to the kitchen.\n\nPlan, checked step by step; cost 15, and none"
    )
    assert told[-1].answer.endswith(PLAN.strip())
    assert answer_tokens(told) == told[-1].answer
    asked, telling = given.backend.requests
    assert QUESTION in asked.messages[0].content
    assert PLAN.strip() in telling.messages[0].content
    assert (asked.temperature, telling.temperature) == (0.0, 0.0)


async def test_the_model_sees_the_example_and_not_the_domain():
    example = {"text": "An example in words.", "problem": "(define (problem example) ...)"}
    hidden = deps(PROBLEM_REPLY, said("Ok."), example=example)
    await run(PIPELINE, hidden, QUESTION)
    prompt = hidden.backend.requests[0].messages[0].content
    assert prompt.index("An example in words.") < prompt.index("(define (problem example)") < prompt.index(QUESTION)
    assert "(:action" not in prompt
    for shown in (
        deps(PROBLEM_REPLY, said("Ok."), example=example, show_domain=True),
        deps(PROBLEM_REPLY, said("Ok.")),
    ):
        await run(PIPELINE, shown, QUESTION)
        assert "(:action go" in shown.backend.requests[0].messages[0].content


@pytest.mark.parametrize(("tell", "calls"), [("words", 2), ("plan", 1), ("both", 2)])
async def test_how_the_plan_is_told(tell, calls):
    given = deps(PROBLEM_REPLY, said("In words."), tell=tell, search="satisficing")
    told = await run(PIPELINE, given, QUESTION)
    assert len(given.backend.requests) == calls
    assert ("In words." in told[-1].answer) is (tell != "plan")
    assert ("Plan, checked step by step; cost 15:\n(go robo" in told[-1].answer) is (tell != "words")
    assert answer_tokens(told) == told[-1].answer


async def test_a_model_that_does_not_tell_leaves_the_plan():
    told = await run(PIPELINE, deps(PROBLEM_REPLY, said("")), QUESTION)
    assert told[-1].answer.startswith("Plan, checked")
    assert warnings(told) == ["no_words"]


BROKEN = {
    "syntax": (PROBLEM.rstrip()[:-1], "the ')' of the '(' in the problem, line 1 is missing"),
    "unknown": (PROBLEM.replace("(in cup", "(inside cup"), "there is no predicate 'inside'; there are in, door"),
    "types": (PROBLEM.replace("(in cup cellar)", "(in cellar cup)"), "'cellar' is of type room, and 'in' takes"),
    "unsupported": (PROBLEM.replace("(has robo cup)", "(exists (?x) (has ?x cup))"), "(exists ...) is beyond"),
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_broken_pddl_is_mended_once(kind):
    problem, why = BROKEN[kind]
    given = deps(said(problem), PROBLEM_REPLY, said("Ok."))
    told = await run(PIPELINE, given, QUESTION)
    assert [(fact.what, fact.ok) for fact in facts(told, "validated")] == [("problem", False), ("plan", True)]
    assert facts(told, "validated")[0].message.startswith(f"{kind}: ")
    again = given.backend.requests[1].messages
    assert [message.role for message in again] == ["user", "assistant", "user"]
    assert why in again[2].content
    assert told[-1].answer.startswith("Ok.")


@pytest.mark.parametrize(
    "reply", [said("I cannot help with that."), said(""), said("(" * 5000), said(BROKEN["types"][0])]
)
async def test_a_model_that_never_writes_pddl_ends_with_the_reason(reply):
    given = deps(reply)
    told = await run(PIPELINE, given, QUESTION)
    assert told[-1].type == "run_finished"
    assert len(given.backend.requests) == 2
    assert told[-1].answer.startswith("There is no plan: the problem ")
    assert warnings(told) == ["no_plan"]


@pytest.mark.parametrize(
    ("error", "calls", "answer"),
    [
        (PlanningError("unsolvable", "no plan leads there"), 2, "has no solution that was found (no plan leads there)"),
        (PlanningError("timed_out", "no plan within 7 seconds"), 1, "found none within its time (no plan within 7 s"),
        (PlanningError("out_of_memory", "more than 1 MiB"), 1, "ran out of its memory (more than 1 MiB)"),
        (PlanningError("invalid_plan", "step 1"), 1, "what the planner found does not hold (step 1)"),
        (PlanningError("engine_failed", "it ended"), 1, "the planner failed (it ended)"),
        (ValueError("a bug"), 1, "the planner failed (planner failed for an internal reason)"),
    ],
)  # fmt: skip
async def test_each_way_to_have_no_plan_is_told(error, calls, answer):
    given = deps(PROBLEM_REPLY, planner=Planner(fails=error))
    told = await run(PIPELINE, given, QUESTION)
    assert told[-1].type == "run_finished"
    assert len(given.backend.requests) == calls
    assert answer in told[-1].answer


async def test_without_a_planner_the_run_fails_with_the_way_out():
    error = PlanningError("engine_missing", "planning needs unified-planning: pip install 'sandtable[planner]'")
    told = await run(PIPELINE, deps(PROBLEM_REPLY, planner=Planner(fails=error)), QUESTION)
    assert (told[-1].type, told[-1].error_type) == ("run_failed", "PlannerMissing")
    assert "pip install 'sandtable[planner]'" in told[-1].message


@pytest.mark.slow
async def test_a_limit_leaves_the_checked_plan():
    told = await run(PIPELINE, deps(PROBLEM_REPLY, said("x"), limits=Limits(model_calls=1)), QUESTION)
    assert (told[-1].type, told[-1].limit) == ("run_limited", "model_calls")
    assert told[-1].answer.startswith("Plan, checked step by step")
    assert told[-1].answer.endswith(PLAN.strip())
    told = await run(PIPELINE, deps(PROBLEM_REPLY, [NEVER], limits=Limits(seconds=0.5)), QUESTION)
    assert (told[-1].type, told[-1].limit) == ("run_limited", "seconds")
    assert told[-1].answer.endswith(PLAN.strip())


async def test_a_chinese_question_is_answered_in_chinese():
    told = await run(PIPELINE, deps(PROBLEM_REPLY, tell="plan"), "机器人在大厅里，请把杯子从锁着的地窖里拿来。")
    assert told[-1].answer.startswith("计划（逐步验证过，代价 15，没有更便宜的）：\n(go robo hall kitchen)")
    told = await run(PIPELINE, deps(said("不行")), "机器人在大厅里，请把杯子从锁着的地窖里拿来。")
    assert told[-1].answer.startswith("没有计划：问题没有写成可读的 PDDL")


async def test_the_turns_before_come_first():
    history = ({"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"})
    given = deps(PROBLEM_REPLY, said("Ok."))
    await run(PIPELINE, given, RunInput.model_validate({"question": QUESTION, "history": history}))
    assert [message.content for message in given.backend.requests[0].messages[:2]] == ["Hi", "Ho"]


@pytest.mark.parametrize(
    ("domain", "said"),
    [("rooms", "there is no domain 'rooms'; there are blocks, delivery"), ("(define (domain", "syntax: the ')' of")],
)
def test_a_domain_that_is_none_is_refused_before_the_run(domain, said):
    with pytest.raises(ValidationError, match=r"domain") as caught:
        LlmPOptions(domain=domain)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", planning_domain.BUILT_IN)
def test_a_built_in_domain_has_an_example_that_can_be_read(name):
    domain, example = planning_domain.load(name, None)
    problem = read_problem(example.problem, read_domain(domain))
    assert problem.domain.name == name
    assert not validate(problem, []).valid


def test_pddl_is_found_in_what_models_write():
    assert pddl_in("So:\n```lisp\n(define (problem p) ; a comment :)\n (:goal ()))\n```\nbye (x)").split() == (
        ["(define", "(problem", "p)", "(:goal", "()))"]
    )
    assert pddl_in("no (problem) here") == ""
    assert pddl_in("```\n(DEFINE (problem p)\n```") == "(DEFINE (problem p)"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "cost"), [("blocks", 6), ("delivery", 14)])
async def test_the_real_planner_solves_the_built_in_examples(name, cost):
    _, example = planning_domain.load(name, None)
    given = Deps(backend=Replies(said(example.problem)), options=LlmPOptions(domain=name, tell="plan"))
    told = await run(PIPELINE, given, example.text)
    (called,) = facts(told, "tool_called")
    assert (json.loads(called.output)["cost"], called.ok) == (cost, True), called.output
    assert f"cost {cost}, and none is cheaper" in told[-1].answer
