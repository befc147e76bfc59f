"""PDDL is read as it is meant, refused by the line where it is not; plans are believed in nothing."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.planning_texts import COST, DOMAIN, PLAN, PROBLEM
from tools.pddl.domain import read_domain
from tools.pddl.errors import OF_THE_TEXT, PlanningError
from tools.pddl.plans import read_plan, validate
from tools.pddl.problem import read_problem
from tools.pddl.values import Step


@pytest.fixture(scope="module")
def problem():
    return read_problem(PROBLEM, read_domain(DOMAIN))


def refused(domain=DOMAIN, problem=PROBLEM):
    with pytest.raises(PlanningError) as caught:
        read_problem(problem, read_domain(domain))
    return caught.value


def test_types_constants_and_costs_are_read(problem):
    domain = problem.domain
    assert domain.types == {
        "room": "object",
        "robot": "movable",
        "thing": "movable",
        "key": "thing",
        "movable": "object",
    }
    assert domain.is_a("key", ("movable",))
    assert not domain.is_a("thing", ("key",))
    assert problem.objects["hall"] == "room"
    assert problem.objects["cup"] == "thing"
    assert problem.minimizes_cost
    assert sorted(problem.values.values()) == [0, 3, 3, 5, 5]


@pytest.mark.parametrize(
    ("old", "new", "kind", "said"),
    [
        ("(:types", "(:types (", "syntax", "is missing"),
        ("(define (domain Rooms)", "(define (domain Rooms))", "syntax", "stands after the end"),
        ("(:types", "(:typos", "unsupported", "(:typos ...) is beyond what is read here"),
        ("(locked ?r - room)", "(locked ?r - roam)", "unknown", "line 6: there is no type 'roam'; there are room"),
        ("(not (locked ?b))))", "(not (lokked ?b))))", "unknown", "there is no predicate 'lokked'; there are in, door"),
        ("(in ?r hall)", "(in ?r hal)", "unknown", "'hal' is declared nowhere: the action 'unlock' has no such"),
        ("(in ?r hall)", "(in ?r)", "unknown", "(in ?r) has 1 arguments, the predicate is (in ?x ?r)"),
        ("(in ?r hall)", "(in hall ?r)", "types", "'hall' is of type room, and 'in' takes movable"),
        ("(in ?r hall)", "(or (in ?r hall))", "unsupported", "(or ...) is beyond what is read here"),
        ("(not (= ?a ?b))", "(not (and (= ?a ?b)))", "unsupported", "only single facts can be denied"),
        ("(increase (total-cost) 2)", "(increase (total-cost) 2.5)", "unsupported", "'2.5' is no whole number"),
        ("(increase (total-cost) 2)", "(decrease (total-cost) 2)", "unsupported", "only (increase (total-cost) ...)"),
        ("(increase (total-cost) 2)", "(increase (way hall hall) 2)", "unsupported", "only (increase (total-cost)"),
        (":action unlock", ":action take", "syntax", "there is a second action 'take'"),
        ("?r - robot ?k", "?k - robot ?k", "syntax", "there is a second variable '?k'"),
        (":effect (not", ":efect (not", "syntax", "':efect' of the action 'unlock' is none of :parameters"),
        ("key - thing", "key - thing thing - key", "unsupported", "the type 'thing' is of two kinds"),
        ("room - object", "room - house house - room", "syntax", "is a kind of itself"),
        ("(:constants", "(:constants hall - room", "syntax", "there is a second constant 'hall'"),
    ],
)  # fmt: skip
def test_a_wrong_domain_is_told_by_its_line(old, new, kind, said):
    assert old in DOMAIN
    error = refused(domain=DOMAIN.replace(old, new, 1))
    assert error.kind == kind
    assert said in error.message
    assert str(error) == f"{kind}: {error.message}"


@pytest.mark.parametrize(
    ("old", "new", "kind", "said"),
    [
        (PROBLEM, "", "syntax", "the problem is empty: (define (problem NAME) ...) is needed"),
        (PROBLEM, "Sure! (define)", "syntax", "line 1: 'Sure!' stands where the '('"),
        (PROBLEM, DOMAIN, "syntax", "(domain rooms) stands where (problem NAME) should"),
        (PROBLEM, "(" * 200 + ")" * 200, "syntax", "more than 100 deep"),
        ("(:domain rooms)", "(:domain houses)", "unknown", "(:domain houses) is not (:domain rooms)"),
        ("(:domain rooms)", "", "syntax", "it has no (:domain ...)"),
        ("CUP - thing", "CUP - cups", "unknown", "there is no type 'cups'"),
        ("CUP - thing", "CUP CUP - thing", "syntax", "there is a second object 'cup'"),
        ("CUP - thing", "CUP - (either thing key)", "unsupported", "'cup' must have one type"),
        ("CUP - thing", "CUP - thing hall - key", "types", "'hall' is a constant of type room"),
        ("(in cup cellar)", "(in cups cellar)", "unknown", "'cups' is declared nowhere: name it in (:objects cups"),
        ("(in cup cellar)", "(in cellar cup)", "types", "'cellar' is of type room, and 'in' takes movable"),
        ("(in cup cellar)", "(at cup cellar)", "unsupported", "(at ...) is beyond what is read here"),
        ("(in cup cellar)", "cup", "syntax", "'cup' stands where a fact should"),
        ("(in cup cellar)", "(= (price cup) 3)", "unknown", "there is no function 'price'; there are total-cost, way"),
        ("(has robo cup)", "(forall (?x) (has robo ?x))", "unsupported", "(forall ...) is beyond"),
        ("(:metric minimize (total-cost))", "(:metric maximize (total-cost))", "unsupported", "only (:metric minimize"),
        ("(:metric minimize (total-cost))", "(:metric minimize (way hall hall))", "unsupported", "only (:metric"),
    ],
)  # fmt: skip
def test_a_wrong_problem_is_told_by_its_line(old, new, kind, said):
    assert old in PROBLEM
    error = refused(problem=PROBLEM.replace(old, new, 1))
    assert (error.kind, error.kind in OF_THE_TEXT) == (kind, True)
    assert said in error.message


def test_a_good_plan_is_valid_and_costs_what_its_actions_say(problem):
    verdict = validate(problem, read_plan(PLAN))
    assert (verdict.valid, verdict.cost, verdict.reason) == (True, COST, "")


@pytest.mark.parametrize(
    ("old", "new", "step", "said"),
    [
        ("(take robo k1 kitchen)\n", "", 3, "it needs (has robo k1)"),
        ("(unlock robo k1 cellar)\n", "", 4, "it needs (not (locked cellar))"),
        ("(go robo hall kitchen)", "(go robo hall hall)", 1, "it needs (door hall hall) (not (= hall hall))"),
        ("(go robo hall kitchen)", "(fly robo hall kitchen)", 1, "no action 'fly'; there are go, take, unlock"),
        ("(go robo hall kitchen)", "(go robo kitchen)", 1, "it has 2 arguments, the action is (go ?r ?a ?b)"),
        ("(go robo hall kitchen)", "(go robo hall attic)", 1, "there is no object 'attic'"),
        ("(go robo hall kitchen)", "(go cup hall kitchen)", 1, "'cup' is of type thing, not robot"),
        ("(take robo cup cellar)\n", "", None, "after the last step the goal does not hold: (has robo cup)"),
    ],
)  # fmt: skip
def test_a_wrong_plan_is_told_by_its_step(problem, old, new, step, said):
    assert old in PLAN
    verdict = validate(problem, read_plan(PLAN.replace(old, new, 1)))
    assert (verdict.valid, verdict.step) == (False, step)
    assert said in verdict.reason


def test_what_is_deleted_and_added_at_once_is_there():
    domain = """(define (domain d) (:predicates (p ?x) (q ?x))
      (:action keep :parameters (?x ?y) :effect (and (not (p ?x)) (p ?y))))"""
    held = read_problem(
        "(define (problem p) (:domain d) (:objects a) (:init (p a)) (:goal (p a)))", read_domain(domain)
    )
    assert validate(held, [Step("keep", ("a", "a"))]).valid
    assert validate(held, []).valid


def test_names_may_be_chinese():
    domain = read_domain(
        "(define (domain 积木) (:predicates (在桌上 ?块)) (:action 放 :parameters (?块) :effect (在桌上 ?块)))"
    )
    problem = read_problem("(define (problem 一) (:domain 积木) (:objects 红 蓝) (:init) (:goal (在桌上 红)))", domain)
    assert validate(problem, read_plan("（放 红）")).reason == "after the last step the goal does not hold: (在桌上 红)"
    assert validate(problem, read_plan("(放 红)")).valid


def test_steps_are_found_in_what_planners_and_models_write():
    text = "Here:\n0: (PICK-UP a) [1]\n1.000: ( stack a b )\n; cost = 2 (unit cost)\n"
    assert [str(step) for step in read_plan(text)] == ["(pick-up a)", "(stack a b)"]


@given(st.text(alphabet=string.ascii_letters + "()-?:=;\n \t积", max_size=200))
def test_any_text_is_read_or_refused(text):
    for read in (read_domain, lambda text: read_problem(text, read_domain(DOMAIN))):
        with pytest.raises(PlanningError):
            read(text)


@given(st.data())
def test_a_plan_with_a_step_left_out_or_twice_never_passes_for_another_cost(data):
    problem = read_problem(PROBLEM, read_domain(DOMAIN))
    steps = read_plan(PLAN)
    place = data.draw(st.integers(0, len(steps) - 1))
    assert not validate(problem, steps[:place] + steps[place + 1 :]).valid
    twice = validate(problem, [*steps[:place], steps[place], *steps[place:]])
    assert not twice.valid
    assert twice.step == place + 2
