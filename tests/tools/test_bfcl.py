"""Six hundred real functions of the Berkeley function calling leaderboard, their right calls, and wrong ones.

Each of its descriptions becomes a function here, and `@tool` makes a tool of that. The answer key has to get through to
the last call, and each way of spoiling it has to be refused in words that name what is wrong.
"""

import inspect
import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import Field

from agents import catalog
from agents.run import Deps
from backends.base import Capabilities
from tests.agents.fakes import Replies, called, run, said
from tools.base import Tool, tool
from tools.errors import BadArguments

KINDS = {"integer": int, "float": float, "number": float, "string": str, "boolean": bool, "any": Any}
PIPELINE = catalog.get("function_calling")
NOT_ITS_OWN_SCHEMA = {"simple_python_307": "the argument 'venue' is true: input should be a valid string"}
"""Keys that do not fit the description they are for: the one of 600."""

pytestmark = pytest.mark.slow


def hint(schema: Mapping[str, Any]) -> Any:
    if "enum" in schema:
        return Literal[tuple(schema["enum"])]
    match schema["type"]:
        case "array" | "tuple":
            return list[hint(schema["items"])] if "items" in schema else list[Any]
        case "dict":
            return dict[str, Any]
        case kind:
            return KINDS[kind]


def tool_of(function: Mapping[str, Any], made: list[tuple[str, dict[str, Any]]]) -> Tool:
    """A tool of the described function, which notes its calls in `made`."""
    name, parameters = function["name"].replace(".", "_"), function["parameters"]
    required = parameters.get("required", [])

    def note(**given: Any) -> str:
        made.append((name, {key: value for key, value in given.items() if value is not None}))
        return "done"

    note.__annotations__ = {
        key: Annotated[
            hint(schema) if key in required else hint(schema) | None, Field(description=schema["description"])
        ]
        for key, schema in parameters["properties"].items()
    }
    note.__doc__ = function["description"]
    note.__signature__ = inspect.Signature(
        [
            inspect.Parameter(
                key, inspect.Parameter.KEYWORD_ONLY, default=inspect.Parameter.empty if key in required else None
            )
            for key in note.__annotations__
        ]
    )
    return tool(name=name)(note)


def first(accepted: Any) -> Any:
    """The value of the key; those of objects are lists of accepted values again."""
    if isinstance(accepted, dict):
        return _chosen(accepted)
    return [first(value) for value in accepted] if isinstance(accepted, list) else accepted


def _chosen(accepted: Mapping[str, list[Any]]) -> dict[str, Any]:
    """The first accepted value of each argument; "" says that it may be left out."""
    named = {key: [value for value in values if value != ""] for key, values in accepted.items()}
    return {key: first(values[0]) for key, values in named.items() if values}


def key_of(case: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    ((name, accepted),) = case["ground_truth"][0].items()
    return name.replace(".", "_"), _chosen(accepted)


@pytest.fixture(scope="module", params=["simple_python", "multiple"])
def cases(request, data_dir):
    lines = (data_dir / "bfcl" / f"{request.param}.jsonl").read_text(encoding="utf-8").splitlines()
    return [case for case in map(json.loads, lines) if case["id"] not in NOT_ITS_OWN_SCHEMA]


def refusal(tool: Tool, arguments: Mapping[str, Any]) -> str:
    with pytest.raises(BadArguments) as caught:
        tool.check(json.dumps(arguments))
    return str(caught.value)


def test_every_function_is_a_tool_and_takes_its_key(cases):
    for case in cases:
        tools = {made.name: made for made in (tool_of(function, []) for function in case["function"])}
        for made in tools.values():
            Draft202012Validator.check_schema(made.spec.parameters)
        name, key = key_of(case)
        assert tools[name].check(json.dumps(key))


def test_a_key_that_does_not_fit_its_description_is_refused(data_dir):
    for line in (data_dir / "bfcl" / "simple_python.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        if case["id"] in NOT_ITS_OWN_SCHEMA:
            assert refusal(tool_of(case["function"][0], []), key_of(case)[1]) == NOT_ITS_OWN_SCHEMA[case["id"]]


def test_each_way_of_spoiling_a_call_is_named(cases):
    for case in cases:
        name, key = key_of(case)
        function = next(f for f in case["function"] if f["name"].replace(".", "_") == name)
        made = tool_of(function, [])
        for needed in function["parameters"]["required"]:
            told = refusal(made, {k: value for k, value in key.items() if k != needed})
            assert f"the argument {needed!r} is missing" in told
        assert "there is no argument 'made_up'" in refusal(made, {**key, "made_up": 1})
        for argument, schema in function["parameters"]["properties"].items():
            if argument in key and schema["type"] != "any":
                wrong = {"a": "b"} if schema["type"] != "dict" else "text"
                assert f"the argument '{argument}" in refusal(made, {**key, argument: wrong})


async def test_the_key_gets_through_to_the_call(cases):
    for case in cases:
        made: list[tuple[str, dict[str, Any]]] = []
        tools = {built.name: built for built in (tool_of(function, made) for function in case["function"])}
        name, key = key_of(case)
        backend = Replies(called((name, key)), said("Done."), capabilities=Capabilities(tools=True))
        told = await run(PIPELINE, Deps(backend=backend, tools=tools), case["question"][0][-1]["content"])
        assert told[-1].answer == "Done."
        assert made == [(name, key)]
