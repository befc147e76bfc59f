"""Reflexion: trials, judges, notes and their bound, the heuristic, and what a crash in the middle of a trial leaves."""

import re
from contextlib import aclosing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from agents import catalog
from agents.heuristic import stuck
from agents.past import read_past
from agents.reflexion_options import ReflexionOptions
from agents.run import Deps, RunInput
from agents.spending import Limits
from agents.stream import stream
from agents.thread import Place
from agents.trajectory import fitted
from backends.recorded import read_record
from backends.scripted import Scripted
from server.runs.checkpoints import Checkpoints
from tests.agents.fakes import Replies, said, warnings
from tests.tools.test_wiki import Shelf
from tools import catalog as tools

REFLEXION = catalog.get("reflexion")
TOOLBOX = {name: tools.get(name) for name in tools.TOOLS}
LESSON = "Look the river up on the page of Paris instead of guessing."


class Actor:
    """Guesses, unless its notes tell it to look; keeps what it was asked."""

    def __init__(self, lesson=LESSON, guess=" I guess.\nAction 1: Finish[the Rhine]"):
        self.lesson, self.guess, self.requests = lesson, guess, []

    def __call__(self, request):
        self.requests.append(request)
        stage = request.subject.get("stage")
        if stage == "reflect":
            return self.lesson
        if stage == "judge":
            return "CORRECT" if "the Seine" in request.messages[-1].content else "INCORRECT: it is another river."
        system = request.messages[0].content if request.messages[0].role == "system" else ""
        if LESSON not in system:
            return self.guess
        steps = [" I look.\nAction 1: Search[Paris]", " There it is.\nAction 2: Finish[the Seine]"]
        return steps[int(request.subject["step"]) - 1]


async def tried(actor, question="Which river flows through Paris?", retriever=None, limits=None, **options):
    backend = Scripted(actor) if callable(actor) else actor
    deps = Deps(
        backend=backend, retriever=retriever or Shelf(), options=ReflexionOptions(**options), tools=TOOLBOX,
        limits=limits or Limits(),
    )  # fmt: skip
    return [event async for event in stream(REFLEXION, RunInput(question=question), deps, run_id="r")]


def of(events, kind):
    return [event for event in events if event.type == kind]


@pytest.mark.parametrize(
    ("judge", "what"),
    [({"reference": "Seine"}, "exact"), ({"reference": ["x", "The Seine!"]}, "exact"), ({}, "llm"),
     ({"task": "closed-wiki", "reference": ["Seine"]}, "tests")],
)  # fmt: skip
async def test_an_actor_that_needs_the_lesson_succeeds_on_the_next_trial(judge, what):
    actor = Actor()
    events = await tried(actor, **judge)
    assert [(trial.number, trial.answer, trial.success) for trial in of(events, "trial")] == [
        (1, "the Rhine", False), (2, "the Seine", True),
    ]  # fmt: skip
    assert [(event.what, event.ok) for event in of(events, "validated")] == [(what, False), (what, True)]
    assert [event.text for event in of(events, "reflection")] == [LESSON]
    assert [event.texts for event in of(events, "memory_read")] == [(LESSON,)]
    assert (events[-1].type, events[-1].answer, warnings(events)) == ("run_finished", "the Seine", [])


async def test_each_trial_begins_anew_and_the_notes_go_before_everything():
    actor = Actor()
    await tried(actor, reference="Seine")
    steps = [request for request in actor.requests if request.subject.get("stage") == "step"]
    assert "I guess" not in "".join(message.content for request in steps[1:] for message in request.messages)
    assert [request.messages[0].role for request in steps] == ["user", "system", "system"]
    assert {request.question for request in steps} == {"Which river flows through Paris?"}


async def test_what_was_done_is_reflected_on_and_the_reference_is_not_told():
    actor = Actor(lesson="", guess=" I search.\nAction 1: Search[Paris]")
    events = await tried(actor, reference="Amazonas", inner_options={"max_steps": 2})
    asked = [request.messages[-1].content for request in actor.requests if request.subject.get("stage") == "reflect"]
    assert len(asked) == 2
    assert 'Thought: I search.\nAction: wikipedia {"action": "search", "text": "Paris"}\nObservation: ' in asked[0]
    assert "The outcome: The answer is not right." in asked[0]
    assert "Amazonas" not in "".join(message.content for request in actor.requests for message in request.messages)
    assert warnings(events) == ["max_steps", "no_reflection", "max_steps", "no_reflection", "max_steps", "unsolved"]
    assert [event.success for event in of(events, "trial")] == [False] * 3


@pytest.mark.slow
@settings(max_examples=40)
@given(
    omega=st.integers(0, 4), trials=st.integers(1, 7),
    notes=st.lists(st.text(max_size=20), min_size=7, max_size=7),
)  # fmt: skip
async def test_memory_has_the_last_reflections_and_never_more_than_omega(omega, trials, notes):
    def actor(request):
        if request.subject.get("stage") == "reflect":
            return notes[int(request.subject["trial"]) - 1]
        return "wrong"

    events = await tried(actor, inner="chat", reference="right", omega=omega, max_trials=trials)
    kept = [text.strip() for text in notes[: trials - 1] if text.strip()] if omega else []
    assert len(of(events, "trial")) == trials
    assert [event.text for event in of(events, "reflection")] == kept
    read = [event.texts for event in of(events, "memory_read")]
    assert all(0 < len(texts) <= omega for texts in read)
    states = [event.update["memory"] for event in of(events, "step_finished") if "memory" in event.update]
    assert all(len(memory) <= omega for memory in states)
    if kept and trials > 1 and notes[trials - 2].strip():
        assert list(read[-1]) == kept[-omega:]


async def test_an_agent_that_repeats_itself_is_stopped_before_its_next_step():
    actor = Actor(guess=" Again.\nAction 1: Search[London]")
    events = await tried(actor, reference="Seine")
    first, second = of(events, "trial")
    assert (first.stuck, first.success, first.answer) == ("repeated", False, "")
    assert (second.success, second.answer) == (True, "the Seine")
    inside = [event.node for event in of(events, "step_finished")]
    assert inside[:9] == ["act/think", "act/act"] * 4 + ["act"]
    assert inside[9:11] == ["evaluate", "reflect"]
    assert of(events, "validated")[0].message.startswith("You were stopped: the same action")


async def test_too_many_actions_end_a_trial_and_no_answer_is_said_plainly():
    calls = iter(range(1_000))
    actor = Actor(lesson="Hm.")
    actor.guess = ""

    def wander(request):
        found = actor(request)
        return found or f" On.\nAction: Search[{next(calls)}]"

    options = {"inner_options": {"max_steps": 50}, "max_actions": 5, "max_trials": 2, "reference": "x"}
    events = await tried(wander, **options)
    assert [event.stuck for event in of(events, "trial")] == ["too_long"] * 2
    assert (events[-1].answer, warnings(events)) == ("No answer was found in 2 trials.", ["unsolved"])
    assert len(of(events, "tool_called")) == 12
    assert (await tried(wander, "巴黎的河叫什么？", **options))[-1].answer == "2次尝试都没有得到答案。"


async def test_actions_that_are_none_are_seen_by_the_heuristic_too():
    events = await tried(Actor(guess=" Hm.\nAction: abacus[1]"), inner_options={"tools": ["calculator"]}, max_trials=1)
    assert [event.stuck for event in of(events, "trial")] == ["repeated"]


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        ([("a", "x")] * 3, None),
        ([("a", "x")] * 4, "repeated"),
        ([("a", "x")] * 3 + [("a", "y")], None),
        ([("a", "x"), ("b", "x")] * 4, None),
        ([("a", "x"), ("a", "y")] * 4, None),
        ([("a", "x")] * 3 + [("b", "x")] + [("a", "x")] * 3, None),
        ([("b", "x")] + [("a", "x")] * 4 + [("b", "x")], "repeated"),
        ([(str(n), "x") for n in range(30)], None),
        ([(str(n), "x") for n in range(31)], "too_long"),
        ([], None),
    ],
)
def test_the_heuristic_at_its_bounds(pairs, reason):
    assert stuck(pairs) == reason


@pytest.mark.slow
@given(
    pairs=st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xy")), max_size=14),
    repeat=st.integers(1, 4), most=st.integers(1, 12),
)  # fmt: skip
def test_the_heuristic_is_what_the_paper_says_of_any_actions(pairs, repeat, most):
    rows = [n for n in range(len(pairs)) if n >= repeat and len(set(pairs[n - repeat : n + 1])) == 1]
    first = min(rows, default=None)
    if first is not None and first <= most:
        assert stuck(pairs, repeat, most) == "repeated"
    else:
        assert stuck(pairs, repeat, most) == ("too_long" if len(pairs) > most else None)


def test_the_heuristic_fires_on_six_of_the_recorded_trajectories(data_dir):
    found = read_record(data_dir / "react" / "fever_500_davinci002.txt").trajectories
    pairs = [[(turn.action, turn.observation) for turn in one.turns] for one in found]
    fired = {number for number, one in enumerate(pairs) if stuck(one) is not None}
    rows = {n for n, one in enumerate(pairs) if any(len(set(one[i : i + 4])) == 1 for i in range(len(one) - 3))}
    assert (len(pairs), len(fired)) == (500, 6)
    assert fired == rows
    assert {stuck(pairs[number]) for number in fired} == {"repeated"}
    assert sum(stuck(one, max_repeat=2) is not None for one in pairs) == 8


NEED_PROBABILITIES = {"rag_sequence", "rag_token"}  # which no script has


@pytest.mark.parametrize("inner", sorted({*catalog.PIPELINES} - {"reflexion"} - NEED_PROBABILITIES))
@pytest.mark.parametrize("reply", ["", "I cannot help with that.", "x" * 3_000, "Action 1: Search[x]\n" * 20])
async def test_any_pipeline_runs_inside_and_ends_whatever_its_model_says(inner, reply):
    events = await tried(lambda _: reply, inner=inner, max_trials=2, limits=Limits(model_calls=60))
    assert events[-1].type in ("run_finished", "run_limited"), events[-1]
    assert len(of(events, "trial")) == 2
    assert events[-1].answer or not reply


async def test_a_backend_that_hangs_ends_at_the_seconds_with_the_answer_so_far():
    actor = Actor()
    hanging = Replies(said(actor.guess), ["never"])
    events = await tried(hanging, reference="Seine", limits=Limits(seconds=0.3))
    assert (events[-1].type, events[-1].limit, events[-1].answer) == ("run_limited", "seconds", "the Rhine")


async def test_a_limit_inside_of_the_first_trial_gives_its_last_thought():
    loop = Actor(guess=" The Rhine, I think.\nAction: Search[Paris]")
    events = await tried(loop, reference="Seine", limits=Limits(model_calls=2))
    assert (events[-1].type, events[-1].answer) == ("run_limited", "The Rhine, I think.")


async def test_a_judge_without_a_verdict_counts_as_no_success():
    events = await tried(lambda _: "Perhaps.", inner="chat", max_trials=2)
    assert [event.success for event in of(events, "trial")] == [None, None]
    assert warnings(events) == ["no_verdict", "no_verdict", "unsolved"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"inner": "reflexion"}, "does not run itself"),
        ({"inner": "ract"}, "no pipeline 'ract'"),
        ({"inner_options": {"max_stepz": 1}}, "'react' has no option 'max_stepz'; it has"),
        ({"inner_options": {"max_steps": 0}}, "'max_steps' of 'react'"),
        ({"inner_options": {"max_steps": "3"}}, "'max_steps' of 'react'"),
        ({"evaluator": "exact"}, "needs a 'reference'"),
        ({"evaluator": "tests"}, "needs a 'task'"),
        ({"task": "chess"}, "no task 'chess'"),
        ({"omega": -1}, "omega"),
        ({"inner_option": {}}, "inner_option"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, said):
    with pytest.raises(ValidationError, match=re.escape(said)):
        ReflexionOptions(**options)


def test_a_long_record_is_cut_at_its_longest_lines_first():
    lines = ["a" * 100, "b" * 5_000, "c" * 300]
    assert fitted(lines, 6_000) == lines
    assert [len(line) for line in fitted(lines, 1_000)] == [100, 200, 300]
    assert fitted(lines, 250) == ["c" * 194 + " [cut]"]
    assert fitted([], 0) == []


@pytest.mark.slow
async def test_a_run_that_breaks_off_anywhere_goes_on_and_repeats_no_call(tmp_path):
    """After each event in turn, as when the process ends there; the next attempt ends it."""
    total = len(await broken_off(tmp_path / "whole", after=10_000))
    for place in range(1, total, 3):
        events = await broken_off(tmp_path / str(place), after=place)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert (events[-1].type, events[-1].answer) == ("run_finished", "the Seine"), place
        trials = {trial.number: trial.stuck for trial in of(events, "trial")}  # said again by a step that runs again
        assert trials == {1: "repeated", 2: ""}, place
        asked = [event.request.model_dump_json() for event in of(events, "llm_called")]
        assert len(asked) == 7
        assert len(of(events, "tool_called")) == 5


async def broken_off(folder, after):
    """The events of a run that is left after so many, and then resumed."""
    folder.mkdir()
    checkpoints = Checkpoints(folder)
    actor, told, past = Actor(guess=" Again.\nAction: Search[London]"), [], None
    place = Place(
        graph=await checkpoints.graph(REFLEXION), thread_id="t", durability="sync", settling=checkpoints.settling
    )

    async def settle():
        pass

    options = ReflexionOptions(reference="Seine")
    while not told or told[-1].type != "run_finished":
        deps = Deps(backend=Scripted(actor), retriever=Shelf(), options=options, settle=settle)
        given = RunInput(question="Which river flows through Paris?")
        running = stream(REFLEXION, given, deps, run_id="r", place=place, past=past)
        async with aclosing(running) as events:
            async for event in events:
                told.append(event)
                if len(told) == after:
                    break
        past = read_past(told, (), {}, await checkpoints.done("t"))
    await checkpoints.aclose()
    return told
