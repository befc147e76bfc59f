"""The generative pipeline from end to end: what it remembers by, when and how it reflects, what it plans."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from agents.catalog import get
from agents.generative_options import GenerativeOptions
from agents.generative_stream import InOneRun, Memory, Record
from agents.memory.scoring import Weights, scored
from agents.persona import Persona
from agents.replay import replay
from agents.run import Deps, RunInput
from backends.scripted import Scripted
from tests.agents.fakes import run, warnings
from tests.agents.recording import as_json, record

NOON = datetime(2026, 2, 13, 12, tzinfo=UTC)
IRIS = Persona(name="Iris")
OWNER = ("", "Iris")
GENERATIVE = get("generative")
HOURS = [0, 10, 100, 0, 50]
IMPORTANCE = [1, 10, 4, 7, 4]
NEARNESS = {"a": 0.2, "b": 0.1, "c": 0.6, "d": 0.4, "e": 0.0}
BY_HAND = {
    "a": 1 + 0 + 1 / 3,
    "b": 0.875986 + 1 + 1 / 6,
    "c": 0 + 1 / 3 + 1,
    "d": 1 + 2 / 3 + 2 / 3,
    "e": 0.437671 + 1 / 3 + 0,
}
"""Recency of the five: 1, 0.995^10 = 0.951110, 0.995^100 = 0.605770, 1, 0.995^50 = 0.778313; scaled by (x - 0.605770) /
0.394230: 1, 0.875986, 0, 1, 0.437671. Importance by (x - 1) / 9, nearness by x / 0.6."""


async def near(query, texts):
    return [NEARNESS.get(text, 0.0) for text in texts]


def five():
    return [
        Record(id=n, text=text, kind="observation", importance=IMPORTANCE[n - 1], made=NOON - timedelta(days=9),
               used=NOON - timedelta(hours=HOURS[n - 1]))
        for n, text in enumerate("abcde", start=1)
    ]  # fmt: skip


def memory(*records):
    return Memory(InOneRun({OWNER: list(records)}), near)


def model(request):
    """Plays all parts of the model by what it is asked for."""
    stage, prompt = request.subject.get("stage"), request.messages[-1].content
    count = sum(line.partition(".")[0].isdecimal() for line in prompt.splitlines())
    return {
        "importance": json.dumps({"ratings": [8] * count}),
        "questions": json.dumps({"questions": ["What does Iris care for?"]}),
        "insights": json.dumps({"insights": [
            {"insight": "Iris cares for bread.", "because_of": [1, 3, 99, 1]},
            {"insight": "Iris flies.", "because_of": [0, 100]},
        ]}),
        "plan_day": json.dumps({"steps": [{"start": "06:00", "what": "opens"}, {"start": "15:30", "what": "rests"}]}),
        "plan_hours": json.dumps({"steps": [{"start": f"{h:02}:00", "what": f"hour {h}"} for h in range(6, 20)]}),
        "plan_minutes": json.dumps({"blocks": [
            {"start": f"12:{m:02}", "minutes": 15, "what": f"block {m}"} for m in range(0, 60, 15)
        ]}),
        "answer": "Bread.",
    }[stage]  # fmt: skip


def deps(script=model, given=None, **options):
    memories = given or memory()
    return Deps(backend=Scripted(script), memory=memories, options=GenerativeOptions(now=NOON, **options))


async def told_by(given, question="What now?", persona=IRIS):
    told = await run(GENERATIVE, given, RunInput(question=question, persona=persona))
    assert told[-1].type == "run_finished", told[-1]
    return told


def answer_asked(told):
    return next(e.request for e in told if e.type == "llm_called" and e.request.subject["stage"] == "answer")


def calls(told, op):
    found = [(json.loads(e.call.arguments), json.loads(e.output)) for e in told if e.type == "tool_called"]
    return [(asked, output) for asked, output in found if asked["do"] == op]


async def test_what_is_recalled_scores_as_computed_by_hand():
    told = await told_by(deps(given=memory(*five())))
    ((_, found),) = calls(told, "recall")
    assert [one["text"] for one in found] == sorted(BY_HAND, key=lambda text: -BY_HAND[text])
    assert {one["text"]: one["score"] for one in found} == pytest.approx(BY_HAND, abs=1e-5)
    exact = {"a": 1.0, "b": (0.995**10 - 0.995**100) / (1 - 0.995**100), "c": 0.0, "d": 1.0,
             "e": (0.995**50 - 0.995**100) / (1 - 0.995**100)}  # fmt: skip
    assert {one["text"]: one["recency"] for one in found} == pytest.approx(exact, abs=1e-6)
    asked = answer_asked(told)
    assert "1. d\n2. b\n" in asked.messages[0].content


def test_longer_since_the_last_use_lowers_the_score_and_newer_age_does_not_raise_it():
    for hours in (1, 5, 24):
        worse = [r.model_copy(update={"used": r.used - timedelta(hours=hours)}) if r.text == "d" else r for r in five()]
        before, after = (
            {one.record.text: one.score for one in scored(records, list(NEARNESS.values()), NOON, Weights())}
            for records in (five(), worse)
        )
        assert after["d"] < before["d"]
    older = [r.model_copy(update={"made": r.made - timedelta(days=300)}) for r in five()]
    assert [one.score for one in scored(older, [0.0] * 5, NOON, Weights())] == [
        one.score for one in scored(five(), [0.0] * 5, NOON, Weights())
    ]


async def test_being_recalled_is_a_use_and_what_does_not_fit_is_not_recalled():
    kept = memory(*five())
    texts = {"max_memory_chars": 200}
    await told_by(deps(given=kept, **texts))
    assert [record.used for record in kept.stream.records[OWNER]][:5] == [NOON] * 5
    long = [record.model_copy(update={"text": f"{record.text} " * 60}) for record in five()]
    kept = Memory(InOneRun({OWNER: long}), near)
    told = await told_by(deps(given=kept, **texts))
    assert [one["id"] for one in calls(told, "recall")[0][1]] == [2]  # The next best would make it 240 characters.
    assert [record.used == NOON for record in kept.stream.records[OWNER]][:3] == [True, True, False]


async def test_it_reflects_over_the_threshold_with_valid_citations_only():
    seen = tuple({"text": f"Somebody buys loaf {n}."} for n in range(19))
    kept = memory()
    told = await told_by(deps(given=kept, observations=seen))  # 19 x 8 = 152 > 150
    (insight,) = (record for record in kept.stream.records[OWNER] if record.kind == "reflection")
    ((_, shown),) = [pair for pair in calls(told, "recall") if "care for" in pair[0]["query"]]
    assert insight.because_of == (shown[0]["id"], shown[2]["id"])
    assert set(insight.because_of) <= {record.id for record in kept.stream.records[OWNER]}
    assert (insight.text, insight.importance, insight.made) == ("Iris cares for bread.", 8.0, NOON)
    assert sorted(warnings(told)) == ["citation", "citation", "ungrounded"]
    assert [(event.text, event.because_of) for event in told if event.type == "reflection"] == [
        ("Iris cares for bread.", insight.because_of)
    ]
    again = await told_by(deps(given=kept))
    assert not [event for event in again if event.type == "reflection"]  # It begins to count anew.


@pytest.mark.parametrize(("count", "reflects"), [(18, False), (19, True)])
async def test_the_threshold_is_passed_not_met(count, reflects):
    seen = tuple({"text": f"Loaf {n}."} for n in range(count))
    told = await told_by(deps(observations=seen, reflect_at=18 * 8.0))
    assert any(event.type == "reflection" for event in told) == reflects


async def test_a_reflection_can_rest_on_a_reflection():
    early = Record(id=1, text="c", kind="reflection", importance=9, made=NOON, used=NOON)
    kept = memory(early)
    await told_by(deps(given=kept, observations=tuple({"text": f"Loaf {n}."} for n in range(19))))
    assert 1 in kept.stream.records[OWNER][-2].because_of


async def test_the_day_is_planned_once_and_each_hour_in_blocks():
    kept = memory()
    told = await told_by(deps(given=kept, plan=True))
    plans = [event.steps for event in told if event.type == "plan"]
    assert [len(steps) for steps in plans] == [2, 14, 4]
    asked = answer_asked(told)
    assert "12:00 (15 min) block 0" in asked.messages[0].content
    again = await told_by(deps(given=kept, plan=True))
    assert not [event for event in again if event.type == "plan"]


@pytest.mark.parametrize("bad", [
    {"blocks": [{"start": "12:00", "minutes": 15, "what": "x"}] * 4},
    {"blocks": [{"start": f"12:{m}0", "minutes": 20, "what": "x"} for m in "024"]},
])  # fmt: skip
async def test_a_plan_that_does_not_fit_is_asked_for_again_and_then_left(bad):
    def script(request):
        return json.dumps(bad) if request.subject.get("stage") == "plan_minutes" else model(request)

    told = await told_by(deps(script, plan=True))
    assert warnings(told) == ["structured_output", "no_plan"]
    assert told[-1].answer == "Bread."


async def test_importance_that_cannot_be_read_is_the_middle_and_said():
    def script(request):
        return "Quite important." if request.subject.get("stage") == "importance" else model(request)

    kept = memory()
    told = await told_by(deps(script, kept, observations=({"text": "Fog."},)))
    assert [record.importance for record in kept.stream.records[OWNER]] == [5.0, 5.0]
    assert warnings(told) == ["structured_output", "importance"] * 2
    quiet = await told_by(deps(script, memory(), observations=({"text": "Fog."},), rate="constant"))
    assert warnings(quiet) == []


async def test_the_exchange_is_remembered_in_its_language():
    kept = memory()
    await told_by(deps(given=kept, speaker="陈默"), "今天有面包吗？")
    assert kept.stream.records[OWNER][-1].text == "陈默对Iris说：“今天有面包吗？”Iris回答：“Bread.”"


async def test_two_personas_have_memories_of_their_own():
    kept = memory(*five())
    told = await told_by(deps(given=kept), persona=Persona(name="Mo"))
    assert calls(told, "recall")[0][1] == []


@pytest.mark.parametrize("durable", [False, True])
async def test_all_of_it_replays(durable):
    seen = tuple({"text": f"Loaf {n}."} for n in range(19))
    given = deps(given=memory(*five()), observations=seen, plan=True)
    cassette = await record(GENERATIVE, given, RunInput(question="What now?", persona=IRIS), durable=durable)
    assert cassette.run.events[-1].answer == "Bread."
    assert await replay(cassette) == as_json(cassette)


def test_times_without_a_zone_are_utc():
    assert GenerativeOptions(now="2026-02-13T12:00:00").clock(NOON) == NOON
    assert GenerativeOptions(now="2026-02-13T20:00:00+08:00").clock(NOON) == NOON
