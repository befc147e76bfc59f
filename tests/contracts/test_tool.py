"""What every tool of the catalogue must keep to, whatever it does."""

import asyncio
import json
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from retrieval.loaders.load import load
from tests.agents.fakes import Shelf
from tools import catalog
from tools.base import Context, RatesOfDay, Tool
from tools.errors import BadTool, ToolError
from tools.perform import perform
from tools.sandbox.base import Ran
from tools.web import Page


class Silent:
    """Searches for ever."""

    async def search(self, query: str, k: int, *, where: Any | None = None):
        await asyncio.Event().wait()


@dataclass(frozen=True)
class Case:
    tool: Tool
    good: dict[str, object]
    says: str
    """What the answer to the good call holds."""
    cjk: dict[str, object]
    cjk_says: str
    bad: dict[str, object]
    """Right names, a wrong type."""


PLANNING = "(define (domain d) (:predicates (on ?x)) (:action light :parameters (?x) :effect (on ?x)))"
HOLDS = "(define (problem p) (:domain d) (:objects {name}) (:init (on {name})) (:goal (on {name})))"
SHELF = Shelf("The tower is 330 metres tall.", "铁塔高三百三十米。")


async def echo(instructions: str, text: str, question: str, sources=()):
    return f"{sources[0].text if sources else text}"


async def never(*_given):
    await asyncio.Event().wait()


class Gold:
    async def on(self, day):
        return RatesOfDay(
            day=date(2024, 2, 29), base="EUR", per_base={"EUR": Decimal(1), "USD": Decimal(2)}, source="t"
        )


class Echo:
    """Runs nothing, and says what it was given."""

    async def run(self, cell):
        return Ran(output=cell.code)


class Stuck:
    async def run(self, cell):
        await asyncio.Event().wait()


class Site:
    async def send(self, method, url, headers=None, body=b""):
        return Page(url, 200, {"content-type": "text/plain"}, f"You asked for {url}".encode())


class Loader:
    async def load(self, path, filename):
        return await asyncio.to_thread(load, path, filename)


class NoFiles:
    async def all(self):
        return []

    async def find(self, name):
        raise ToolError(f"there is no uploaded file {name!r}")


class LockedFiles(NoFiles):
    async def all(self):
        await asyncio.Event().wait()


HERE = Context(
    sandbox=Echo(),
    key="k",
    files=NoFiles(),
    retriever=SHELF,
    k=2,
    now=datetime(2024, 2, 29, 12, tzinfo=UTC),
    ask=echo,
    rates=Gold(),
    web=Site(),
    loader=Loader(),
)
HANGING = Context(
    sandbox=Stuck(), key="k", retriever=Silent(), ask=never, web=Site(), loader=Loader(), files=LockedFiles()
)

CASES = {
    "python": Case(
        catalog.get("python"),
        {"code": "print(330 / 2)"},
        "print(330 / 2)",
        {"code": "print('铁塔')"},
        "铁塔",
        {"code": 3},
    ),
    "calculator": Case(
        catalog.get("calculator"),
        {"expression": "330 / 2"},
        "165",
        {"expression": "３３０÷２"},
        "165",
        {"expression": 3},
    ),
    "search": Case(
        catalog.get("search"),
        {"query": "tower"},
        "330 metres",
        {"query": "铁塔多高？"},
        "三百三十米",
        {"query": ["tower"]},
    ),
    "wikipedia": Case(
        catalog.get("wikipedia"),
        {"page": "1"},
        "330 metres",
        {"page": "2", "keyword": "三百"},
        "铁塔高三百三十米。",
        {"page": 1},
    ),
    "fetch_url": Case(
        catalog.get("fetch_url"),
        {"url": "https://example.org/tower"},
        "You asked for https://example.org/tower",
        {"url": "https://例子.测试/塔"},
        "You asked for https://例子.测试/塔",
        {"url": 1},
    ),
    "sql": Case(
        catalog.get("sql"), {}, "There are no uploaded tables", {"query": " 　"}, "no uploaded tables", {"query": 1}
    ),
    "calendar": Case(
        catalog.get("calendar"),
        {"add": "1 year"},
        "Friday, 2025-02-28",
        {"date": "2024年2月29日", "add": "3个工作日"},
        "2024-03-05",
        {"date": 20240229},
    ),
    "units": Case(
        catalog.get("units"),
        {"amount": 5, "unit": "mile", "to": "km"},
        "8.04672 km",
        {"amount": 3, "unit": "斤", "to": "公斤"},
        "1.5 公斤",
        {"amount": "five", "unit": "mile", "to": "km"},
    ),
    "translate": Case(
        catalog.get("translate"),
        {"text": "The tower is tall.", "to": "French"},
        "The tower is tall.",
        {"text": "铁塔很高。", "to": "英文"},
        "铁塔很高。",
        {"text": ["a"], "to": "French"},
    ),
    "qa": Case(
        catalog.get("qa"),
        {"question": "How tall is it?", "passage": "It is 330 metres tall."},
        "330 metres",
        {"question": "多高？", "passage": "三百三十米。"},
        "三百三十米",
        {"question": 1},
    ),
    # The goal holds already: no planner is started.
    "planner": Case(
        catalog.get("planner"),
        {"domain": PLANNING, "problem": HOLDS.format(name="lamp")},
        '"plan":[]',
        {"domain": PLANNING, "problem": HOLDS.format(name="灯")},
        '"plan":[]',
        {"domain": 1, "problem": "(define)"},
    ),
}
REACHING = ("translate", "qa", "fetch_url", "python", "sql")


@pytest.fixture(params=catalog.TOOLS)
def case(request):
    return CASES[request.param]


def test_its_schema_is_a_json_schema(case):
    schema = case.tool.spec.parameters
    Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert all(field.get("description") for field in schema["properties"].values())
    json.dumps(schema)


def test_it_says_what_it_is_for(case):
    assert case.tool.name in catalog.TOOLS
    assert case.tool.spec.description.partition("\n")[0].endswith(".")


def test_its_cases_fit_its_schema(case):
    validator = Draft202012Validator(case.tool.spec.parameters)
    assert validator.is_valid(case.good)
    assert validator.is_valid(case.cjk)
    assert not validator.is_valid(case.bad)


async def test_a_good_call(case):
    outcome = await perform(case.tool, json.dumps(case.good), HERE)
    assert outcome.fault is None
    assert case.says in outcome.text


@pytest.mark.parametrize("ascii", [True, False])
async def test_text_in_chinese(case, ascii):
    outcome = await perform(case.tool, json.dumps(case.cjk, ensure_ascii=ascii), HERE)
    assert outcome.fault is None
    assert case.cjk_says in outcome.text


async def test_arguments_of_a_wrong_type_are_named(case):
    outcome = await perform(case.tool, json.dumps(case.bad), HERE)
    assert outcome.fault == "bad_arguments"
    assert repr(next(iter(case.bad))) in outcome.text


async def test_unknown_arguments_are_named(case):
    outcome = await perform(case.tool, json.dumps({**case.good, "小费": 1}), HERE)
    assert outcome.fault == "bad_arguments"
    assert "there is no argument '小费'" in outcome.text
    assert ", ".join(case.tool.spec.parameters["properties"]) in outcome.text


@pytest.mark.parametrize("arguments", ["{", "[]", "1", "null", '"a"', "{}}", '{"a": Infinity}', "\x00"])
async def test_what_is_no_object_is_refused(case, arguments):
    outcome = await perform(case.tool, arguments, HERE)
    assert outcome.fault == "bad_arguments"


async def test_it_keeps_to_its_time(case):
    outcome = await perform(replace(case.tool, seconds=0), json.dumps(case.good), HANGING)
    assert outcome.fault == "timed_out"
    assert "within 0 seconds" in outcome.text


async def test_it_keeps_to_its_length(case):
    outcome = await perform(replace(case.tool, max_chars=2), json.dumps(case.good), HERE)
    assert outcome.fault is None
    assert "[cut: these are the first 2 of " in outcome.text


async def test_without_documents_it_works_or_says_so(case):
    outcome = await perform(case.tool, json.dumps(case.good), Context())
    assert outcome.fault == (
        "refused" if case.tool.needs_collection or case.tool.needs_sandbox or case.tool.name in REACHING else None
    )


def test_a_name_that_is_not_there():
    with pytest.raises(BadTool, match=r"no tool 'calculater'; there are calculator, python, search, wikipedia"):
        catalog.get("calculater")


@pytest.mark.parametrize(
    ("place", "why"),
    {
        "calculator": "write package.module:attribute",
        "tools.calculator:": "write package.module:attribute",
        "tools.nowhere:it": "no module 'tools.nowhere'",
        "tools.calculator:nothing": "is not a tool",
        "tools.perform:perform": "is not a tool: make one of a function with tools.base.tool",
    }.items(),
)
def test_a_place_that_holds_no_tool(place, why):
    with pytest.raises(BadTool, match=why):
        catalog.load(place)
