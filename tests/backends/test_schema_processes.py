"""Checks that would take for ever end, and nobody else's check with them."""

import json

import pytest

from backends.schema_check import CostlyCheck, first_bad, problems
from backends.schema_processes import Processes


def branching(depth):
    """Each definition refers to the next one twice: 2 ** depth checks of the last."""
    places = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(depth)}
    defined = {**places, f"d{depth}": {"type": "string"}}
    return {"type": "object", "properties": {"x": {"$ref": "#/$defs/d0"}}, "$defs": defined}


UNEVALUATED = {**branching(40), "$ref": "#/$defs/d0", "unevaluatedProperties": False}
NESTED = {"type": "object", "properties": {"x": {"type": "string", "pattern": "^(a+)+$"}}}
COSTLY = [
    ({"x": 5}, branching(40)),
    ({"x": "a" * 60 + "!"}, NESTED),
    ({"a" * 60 + "!": 1}, {"patternProperties": {"^(a+)+$": True}, "additionalProperties": False}),
    ({"y": 1}, UNEVALUATED),
]


@pytest.fixture(scope="module")
def processes():
    kept = Processes(cpu_seconds=0.4)
    yield kept
    kept.close()


def asked(value, *schemas):
    return json.dumps({"value": value, "schemas": schemas}).encode()


@pytest.mark.parametrize(
    ("value", "schema"), [COSTLY[0], *(pytest.param(*one, marks=pytest.mark.slow) for one in COSTLY[1:])]
)
def test_a_check_that_takes_too_much_is_ended_and_the_next_one_is_made(processes, value, schema):
    assert processes.answered(asked(value, schema)) is None
    assert json.loads(processes.answered(asked(1, {"type": "integer"}))) == {"problems": []}
    assert len(processes.free) == 1


def test_what_ends_while_nobody_asks_is_replaced(processes):
    assert processes.answered(asked(1, {}))
    processes.free[0].kill()
    processes.free[0].wait()
    assert json.loads(processes.answered(asked("x", {"type": "integer"})))["problems"]


@pytest.mark.slow
@pytest.mark.parametrize(("value", "schema"), COSTLY[:2])
def test_what_is_told_of_it(value, schema):
    with pytest.raises(CostlyCheck, match=r"more than 2 seconds of computing"):
        problems(value, schema)
    assert problems({}, NESTED) == []


def test_the_first_of_many_that_cannot_be_used():
    assert first_bad([{}, {"type": "object"}]) is None
    place, why = first_bad([{}, {"type": "colour"}, {"$ref": "#/none"}])
    assert (place, "not a JSON schema" in str(why)) == (1, True)
