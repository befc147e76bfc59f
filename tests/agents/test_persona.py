"""Personas: the card in every call, and limits that hold without the model's help."""

import json

import pytest

from agents import catalog
from agents.persona import Limit, Persona, card
from agents.persona_limits import guarded, worded
from agents.replay import replay
from agents.run import Deps, RunInput
from backends.base import Capabilities, Message
from tests.agents.fakes import Replies, Shelf, answer_tokens, run, said, warnings
from tests.agents.recording import as_json, record
from tools import catalog as tools

MARA = Persona(
    name="Mara",
    role="lighthouse keeper",
    traits=("calm", "exact"),
    limits=("anything after 1890", Limit(about="the mainland", words=("London", "伦敦"), reply="I never left.")),
)
JUDGED = MARA.model_copy(update={"judge": True})
ALL = Capabilities(tools=True, json_schema=True, logprobs=True, scoring=True, images=True, embeddings=True, causal=True)


@pytest.fixture(params=catalog.PIPELINES)
def pipeline(request):
    return catalog.get(request.param)


def deps(*replies):
    toolbox = {name: tools.get(name) for name in tools.TOOLS}
    shelf = Shelf("The tower is 330 metres tall.")
    return Deps(backend=Replies(*replies, capabilities=ALL), retriever=shelf, collection="vs_1", tools=toolbox)


async def test_the_card_is_in_every_call_after_the_clients_words_and_before_the_pipelines(pipeline):
    given, persona = deps(said("It is 330 metres tall [1].")), Persona(name="玛拉", background="灯塔看守人，生于北岛。")
    await run(pipeline, given, RunInput(question="How tall?", system="Be kind.", persona=persona))
    for request in given.backend.requests:
        system, *rest = request.messages
        assert system.content.startswith(f"Be kind.\n\n{card(persona)}")
        assert all(message.role != "system" for message in rest)


async def test_a_question_with_a_limits_word_reaches_no_model(pipeline):
    given = deps(said("It is big."))
    told = await run(guarded(pipeline, MARA), given, RunInput(question="Tell me of LONDON.", persona=MARA))
    assert (given.backend.requests, given.retriever.searches) == ([], [])
    assert told[-1].type == "run_finished"
    assert told[-1].answer == answer_tokens(told) == "I never left."
    (checked,) = [event for event in told if event.type == "validated"]
    assert (checked.ok, "the mainland" in checked.message) == (False, True)


@pytest.mark.parametrize("durable", [pytest.param(False, marks=pytest.mark.slow), True])
async def test_with_limits_it_runs_and_replays_as_without(pipeline, durable):
    asked = RunInput(question="How tall?", persona=MARA)
    bare = (await record(pipeline, deps(said("It is 330 metres tall [1].")), asked, durable=durable)).run.events
    cassette = await record(guarded(pipeline, MARA), deps(said("It is 330 metres tall [1].")), asked, durable=durable)
    told = cassette.run.events
    assert (told[-1].type, told[-1].answer) == (bare[-1].type, bare[-1].answer)
    assert [e.node for e in told if e.type == "step_started"][:2] == ["persona_limits", "persona_begin"]
    assert await replay(cassette) == as_json(cassette)


@pytest.mark.parametrize(
    ("ruling", "answer", "calls"),
    [(['{"limit": 0}'], "Hello.", 2), (['{"limit": 1}'], "cannot answer", 1), (["?", "?"], "cannot answer", 2)],
)
async def test_the_model_may_judge_first_and_what_it_does_not_say_counts_as_no(ruling, answer, calls):
    given = deps(*map(said, ruling), said("Hello."))
    told = await run(
        guarded(catalog.get("chat"), JUDGED),
        given,
        RunInput(
            question="And how was it built?",
            history=(Message(role="user", content="Do you know the Eiffel Tower?"),),
            persona=JUDGED,
        ),
    )
    assert answer in told[-1].answer
    assert len(given.backend.requests) == calls
    asked = given.backend.requests[0]
    assert all(part in asked.messages[-1].content for part in ("1. anything after 1890", "Eiffel Tower", "how was it"))
    assert ("persona_judge" in warnings(told)) == ("?" in ruling)


@pytest.mark.parametrize(
    ("question", "beyond"),
    [
        ("Where is London?", True), ("where is ｌｏｎｄｏｎ？", True), ("你去过伦敦吗？", True), ("讲讲London吧", True),
        ("Who are the Londoners?", False), ("Are you calm?", False), ("你叫什么？", False),
    ],
)  # fmt: skip
def test_words_are_found_as_words(question, beyond):
    assert (worded(MARA, question) is not None) == beyond


def test_a_persona_without_anything_to_check_brings_no_step(pipeline):
    assert guarded(pipeline, None) is pipeline
    assert guarded(pipeline, Persona(name="A", limits=("all",))) is pipeline


def test_a_card_says_all_its_fields_in_its_language():
    assert [line.partition(":")[0] for line in card(MARA).splitlines()[1:3]] == ["Your role", "Your traits"]
    assert "- anything after 1890\n- the mainland" in card(MARA)
    assert card(Persona(name="玛拉", role="看守灯塔")).startswith("你是玛拉")
    assert Persona.model_validate_json(json.dumps(MARA.model_dump(mode="json"))) == MARA
