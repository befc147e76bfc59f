"""MRKL: who is asked, what arguments are read, what happens when an expert cannot, and who is said to have answered."""

import json

import pytest
from pydantic import ValidationError

from agents import catalog
from agents.mrkl_cards import Card
from agents.mrkl_options import MrklOptions
from agents.replay import replay
from agents.run import Deps
from backends.base import Capabilities
from backends.extractive import Extractive
from tests.agents.fakes import Replies, Shelf, run, said, warnings
from tests.agents.recording import as_json, record
from tools import catalog as tools
from tools.base import Context, tool

MRKL = catalog.get("mrkl")
TOOLBOX = {name: tools.get(name) for name in tools.TOOLS}
SHELF = Shelf("The tower is 330 metres tall.")


@tool(read_only=True)
def weather(city: str) -> str:
    """Tell today's weather in a city: rain, sun, wind, temperature."""
    return f"rain in {city}"


@tool(needs_approval=True)
def order_pizza(question: str) -> str:
    """Order a pizza with toppings for delivery."""
    return "ordered"


class Gate:
    """A cosine of 1 for the expert that the test names, else 0."""

    scripts = frozenset({"Latin"})

    def __init__(self, name):
        self.name = name

    async def scores(self, questions, experts, trained):
        return [[float(name == self.name) for name in experts]], "the test"


def json_said(**value):
    return said(json.dumps(value))


def deps(*replies, gate=None, toolbox=TOOLBOX, shelf=None, reach=None, **options):
    return Deps(
        backend=Replies(*replies, capabilities=Capabilities(json_schema=True)), tools=toolbox, retriever=shelf,
        reach=reach or Context(gate=gate), options=MrklOptions(**options),
    )  # fmt: skip


def without_model(gate=None, shelf=None, **options):
    async def quote(question, sources):
        return ()

    return Deps(
        backend=Extractive(quote), tools=TOOLBOX, retriever=shelf, reach=Context(gate=gate),
        options=MrklOptions(**{"router": "lexical", **options}),
    )  # fmt: skip


def chosen(told):
    return [event.chosen[0][0] for event in told if event.type == "routed"]


def calls(told):
    made = [(event.call.name, event.call.arguments, event.ok) for event in told if event.type == "tool_called"]
    return [one for one in made if one[0] != "router"]


@pytest.mark.parametrize(
    ("question", "result"), [("What is 15 percent of 320?", "48"), ("三百二十的百分之十五是多少？", "48")]
)
async def test_without_a_model_the_calculator_computes_and_is_named(question, result):
    told = await run(MRKL, without_model(), question)
    assert chosen(told) == ["calculator"]
    assert calls(told) == [("calculator", '{"expression": "15/100*320"}', True)]
    assert told[-1].answer.startswith(f"{result}\n\n")
    assert 'calculator {"expression": "15/100*320"}' in told[-1].answer
    assert [event.type for event in told if event.type == "llm_called"] == []


async def test_what_rules_can_read_goes_to_the_calculator_and_what_none_knows_to_nobody():
    told = await run(MRKL, without_model(gate=Gate("calendar"), router="auto"), "What is 12 plus 30?")
    assert [(event.method, event.chosen) for event in told if event.type == "routed"] == [("rules", (("calculator",),))]
    assert told[-1].answer.startswith("42\n")
    told = await run(MRKL, without_model(), "How many lamp posts had Rotterdam fitted with sockets by the end of 2022?")
    assert chosen(told) == ["model"]
    assert warnings(told) == ["fallback"]


@pytest.mark.parametrize(
    "question",
    [
        "Who rebuilt the harbour bridge in 2019-2020?",
        "2019-2020年港口大桥由谁重建？",
        "Who won the 2024/25 football season?",
        "Whose number is 555-1234?",
        "Is the help desk open 24/7?",
        "What happened on 9/11?",
    ],
)
@pytest.mark.parametrize("near", ["rag", "calculator", "nobody"])
async def test_figures_with_signs_are_no_sum_where_the_question_is_about_something_else(question, near):
    shelf = Shelf("The harbour bridge was rebuilt by Anna Lind.")
    told = await run(MRKL, without_model(gate=Gate(near), router="auto", shelf=shelf), question)
    assert calls(told) == []
    assert "rag" in told[-1].answer.splitlines()[-1]


async def test_the_model_chooses_extracts_and_words_the_answer():
    given = deps(
        json_said(expert="calculator"), json_said(expression="2+3"), said("It is 5."), gate=Gate("units")
    )  # fmt: skip
    told = await run(MRKL, given, "How many are two and three?")
    assert chosen(told) == ["calculator"]
    assert calls(told) == [("calculator", '{"expression": "2+3"}', True)]
    assert told[-1].answer == 'It is 5.\n\n(Answered by: calculator {"expression": "2+3"})'
    extraction = given.backend.requests[1]
    assert extraction.json_schema["required"] == ["expression"]
    assert '<tool_result tool="calculator">\n5\n</tool_result>' in given.backend.requests[2].messages[-1].content


async def test_arguments_that_do_not_fit_are_asked_for_once_more():
    given = deps(json_said(expert="calculator"), json_said(formula="2+3"), json_said(expression="2+3"), said("5."))
    told = await run(MRKL, given, "What is two plus three?")
    assert warnings(told) == ["structured_output"]
    assert calls(told) == [("calculator", '{"expression": "2+3"}', True)]


async def test_a_router_by_meaning_needs_an_embedder():
    told = await run(MRKL, deps(said("Hm."), router="dense"), "What?")
    assert warnings(told) == ["no_router", "fallback"]
    assert told[-1].answer.startswith("Hm.")


async def test_rules_read_for_the_calculator_what_the_model_cannot_write():
    given = deps(json_said(expert="calculator"), said("no"), said("no"), said("Five."), gate=Gate("qa"))
    told = await run(MRKL, given, "What is two plus three?")
    assert calls(told) == [("calculator", '{"expression": "2+3"}', True)]
    assert [(e.what, e.ok) for e in told if e.type == "validated"] == [("arguments", True)]


async def test_extraction_is_judged_apart_from_execution():
    given = deps(json_said(expert="calculator"), json_said(expression="1/0"), said("I do not know."), gate=Gate("qa"))
    told = await run(MRKL, given, "What is one over zero?")
    assert [(e.what, e.ok) for e in told if e.type == "validated"] == [("arguments", True)]
    assert calls(told) == [("calculator", '{"expression": "1/0"}', False)]
    assert warnings(told) == ["fallback"]
    assert told[-1].answer == "I do not know.\n\n(Answered by: model)"


async def test_a_pipeline_is_an_expert_and_nothing_near_goes_to_the_fall_back():
    given = deps(json_said(expert="rag"), said("It is 330 metres tall [1]."), gate=Gate("rag"), shelf=SHELF)
    told = await run(MRKL, given, "How tall is the tower?")
    assert told[-1].answer == "It is 330 metres tall [1].\n\n(Answered by: rag)"
    assert [citation.quote for citation in told[-1].citations] == ["The tower is 330 metres tall."]
    assert {"delegate", "delegate/retrieve"} <= {event.node for event in told}
    told = await run(MRKL, deps(said("Hello!"), router="hybrid", gate=Gate("nobody")), "Hm")
    assert (chosen(told), warnings(told)) == (["model"], ["fallback"])
    assert told[-1].answer == "Hello!\n\n(Answered by: model)"
    told = await run(MRKL, without_model(fallback="cot"), "Hm")
    assert "cot" in told[-1].answer


async def test_own_tools_are_experts_by_their_descriptions():
    given = deps(
        json_said(city="Oslo"), said("Rain in Oslo."), router="lexical", toolbox={**TOOLBOX, "weather": weather}
    )  # fmt: skip
    told = await run(MRKL, given, "Will there be rain or sun in Oslo today, and what temperature?")
    assert calls(told) == [("weather", '{"city": "Oslo"}', True)]
    card = Card(expert="weather", description="天气预报", examples=("今天奥斯陆下雨吗？",), question_as="city")
    given = deps(said("下雨。"), router="lexical", toolbox={**TOOLBOX, "weather": weather}, cards=(card,))
    told = await run(MRKL, given, "明天奥斯陆会下雨吗？")
    assert calls(told) == [("weather", '{"city": "明天奥斯陆会下雨吗？"}', True)]
    assert told[-1].answer.startswith("下雨。\n\n（回答者：weather")


async def test_a_person_is_asked_where_the_tool_wants_it_and_the_run_replays():
    card = Card(expert="order_pizza", question_as="question")
    toolbox = {**TOOLBOX, "order_pizza": order_pizza, "weather": weather}
    given = deps(said("Done."), router="lexical", toolbox=toolbox, cards=(card,))
    cassette = await record(MRKL, given, "Order a pizza with toppings, please")
    assert cassette.run.events[-1].type == "run_interrupted"
    assert await replay(cassette) == as_json(cassette)
    given = deps(json_said(expert="weather"), json_said(city="Oslo"), said("Wet."), gate=Gate("qa"), toolbox=toolbox)
    cassette = await record(MRKL, given, "Rain?", durable=True)
    assert cassette.run.events[-1].answer.startswith("Wet.")
    assert await replay(cassette) == as_json(cassette)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"pipelines": ("mrkl",)}, "no expert of itself"),
        ({"pipelines": ("ragg",)}, "there is no pipeline 'ragg'"),
        ({"fallback": "nobody"}, "there is no pipeline 'nobody'"),
        ({"cards": ({"expert": "rag", "options": {"k": 0}},)}, "'k' of 'rag'"),
        ({"cards": ({"expert": "calculator", "options": {"k": 1}},)}, "is a tool, and takes no options"),
    ],
)
def test_options_are_held_to_their_experts(options, said):
    with pytest.raises(ValidationError, match=said):
        MrklOptions(**options)
