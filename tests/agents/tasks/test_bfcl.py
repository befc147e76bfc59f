"""The checker of calls: on the leaderboard's own keys, and on each way of spoiling them."""

import json
from itertools import pairwise
from random import Random

import pytest

from agents.tasks.base import BadData
from agents.tasks.bfcl import Bfcl, as_schema, cases_in, key_calls, question_of
from agents.tasks.call_check import Call, judged

FUNCTION = {
    "name": "weather.get",
    "description": "Tell the weather.",
    "parameters": {
        "type": "dict",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer"},
            "limit": {"type": "float"},
            "at": {"type": "array", "items": {"type": "float"}},
            "more": {"type": "dict", "properties": {"wind": {"type": "boolean"}}},
        },
        "required": ["city"],
    },
}
KEY = [
    {
        "weather.get": {
            "city": ["New York", "NYC"], "days": [3, ""], "limit": ["", 2.5], "at": ["", [1.5, 2.0]],
            "more": ["", {"wind": [True, ""]}],
        }
    }
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "arguments", "fault"),
    [
        ("weather_get", {"city": "new-york."}, ""),
        ("weather.get", {"city": "NYC", "days": 3, "at": [1.5, 2], "more": {"wind": True}}, ""),
        ("weather_get", {"city": "NYC", "more": {}}, ""),
        ("weather_set", {"city": "NYC"}, "name"),
        ("weather_get", {"days": 3}, "missing"),
        ("weather_get", {"city": "NYC", "wind": 1}, "unexpected"),
        ("weather_get", {"city": 3}, "type"),
        ("weather_get", {"city": "NYC", "days": True}, "type"),
        ("weather_get", {"city": "NYC", "days": 3.0}, "type"),
        ("weather_get", {"city": "NYC", "at": ["1.5"]}, "type"),
        ("weather_get", {"city": "NYC", "at": [2.0, 1.5]}, "value"),
        ("weather_get", {"city": "Boston"}, "value"),
        ("weather_get", {"city": "NYC", "limit": 2}, "value"),
        ("weather_get", {"city": "NYC", "more": {"wind": False}}, "value"),
    ],
)
def test_each_difference_has_its_name(name, arguments, fault):
    assert judged([Call(name, arguments)], [FUNCTION], KEY).fault == fault


def test_a_number_passes_for_a_float_and_calls_are_counted():
    key = [{"weather.get": {"city": ["Rome"], "limit": [2.0]}}]
    assert judged([Call("weather_get", {"city": "Rome", "limit": 2})], [FUNCTION], key).ok
    assert judged([], [FUNCTION], key).fault == "count"
    assert judged([Call("weather_get", {"city": "Rome", "limit": 2})] * 2, [FUNCTION], key).fault == "count"


@pytest.fixture(scope="module", params=["bfcl", "bfcl-live-multiple"])
def keyed(request, data_dir):
    return [case for case in cases_in(data_dir / request.param) if "ground_truth" in case]


def test_the_answer_keys_are_right(keyed):
    wrong = [
        case["id"]
        for case in keyed
        if not judged(key_calls(case["ground_truth"]), case["function"], case["ground_truth"]).ok
    ]
    assert (wrong, len(keyed)) == ([], len(keyed))
    assert len(keyed) in (600, 507)


def spoilt(call, function, dice):
    """A call for each way of spoiling it, by the fault that must be named."""
    declared, given = function["parameters"]["properties"], dict(call.arguments)
    made = {"name": Call(f"{call.name}_2", given), "unexpected": Call(call.name, {**given, "made_up": 1})}
    needed = [name for name in function["parameters"].get("required", ()) if name in given]
    if needed:
        dropped = dice.choice(needed)
        made["missing"] = Call(call.name, {name: one for name, one in given.items() if name != dropped})
    texts = [
        name for name, one in given.items() if isinstance(one, str) and declared.get(name, {}).get("type") == "string"
    ]
    numbers = [
        name
        for name, one in given.items()
        if type(one) is int and declared.get(name, {}).get("type") in ("integer", "float")
    ]
    if texts:
        made["value"] = Call(call.name, {**given, dice.choice(texts): "something that nobody asked for"})
    if numbers:
        made["value"] = Call(call.name, {**given, dice.choice(numbers): 987_654_321})
        made["type"] = Call(call.name, {**given, dice.choice(numbers): {"a": "b"}})
    elif texts:
        made["type"] = Call(call.name, {**given, dice.choice(texts): {"a": "b"}})
    return made


def test_each_way_of_spoiling_a_key_is_named(keyed):
    dice, counts = Random(0), {}
    for case in keyed:
        (call,) = key_calls(case["ground_truth"])
        (name,) = case["ground_truth"][0]
        function = next(one for one in case["function"] if one["name"] == name)
        for fault, wrong in spoilt(call, function, dice).items():
            found = judged([wrong], case["function"], case["ground_truth"])
            assert found.fault == fault, (case["id"], wrong, found)
            counts[fault] = counts.get(fault, 0) + 1
    assert min(counts.values()) >= 300, counts


def test_parallel_calls_are_right_in_any_order(keyed):
    for one, other in pairwise(keyed):
        functions, key = [*one["function"], *other["function"]], [*one["ground_truth"], *other["ground_truth"]]
        first, second = key_calls(key)
        if len({one["name"] for one in functions}) < len(functions):
            continue  # Two cases may describe one function differently.
        assert judged([first, second], functions, key).ok
        assert judged([second, first], functions, key).ok
        assert judged([first], functions, key).fault == "count"
        assert judged([first, first], functions, key).fault == "name"


def test_a_folder_becomes_items_with_tools(tmp_path):
    case = {
        "id": "a",
        "question": [[{"role": "user", "content": "Rome?"}]],
        "function": [FUNCTION],
        "ground_truth": KEY,
    }
    (tmp_path / "cases.jsonl").write_text(json.dumps(case) + "\n")
    (tmp_path / "other.jsonl").write_text('{"text": "x"}\n')
    (item,) = Bfcl().items(tmp_path)
    assert (item.question, item.tools[0]["function"]["name"]) == ("Rome?", "weather_get")
    right = json.dumps([{"name": "weather_get", "arguments": {"city": "NYC"}}])
    assert Bfcl().check(item, right).details == {"function": 1.0, "executable": 1.0, "arguments": 1.0}
    wrong = json.dumps([{"name": "weather_get", "arguments": {"city": "Boston"}}])
    assert Bfcl().check(item, wrong).details == {"function": 1.0, "executable": 1.0, "arguments": 0.0}
    unfit = json.dumps([{"name": "weather_get", "arguments": {"city": 3}}])
    assert Bfcl().check(item, unfit).details == {"function": 1.0, "executable": 0.0, "arguments": 0.0}
    assert Bfcl().check(item, unfit).reason == "wrong type"
    assert Bfcl().check(item, "It rains.").reason == "no call"
    assert question_of(case) == "Rome?"
    assert as_schema(FUNCTION["parameters"])["properties"]["limit"] == {"type": "number"}
    with pytest.raises(BadData, match="of BFCL"):
        Bfcl().items(tmp_path / "none")
