"""What does not fit a schema, told so that a model can mend it."""

import pytest

from backends.schema_check import BadSchema, problems

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "names": {"type": "array", "items": {"type": "string"}}},
    "required": ["a"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"a": 1}, []),
        ({"a": 1, "names": ["北京"]}, []),
        ({}, ["the value: 'a' is a required property"]),
        ({"a": "1"}, ["a: '1' is not of type 'integer'"]),
        ({"a": 1, "names": ["x", 2]}, ["names[1]: 2 is not of type 'string'"]),
        ([], ["the value: [] is not of type 'object'"]),
    ],
)
def test_problems(value, words):
    assert problems(value, SCHEMA) == words


def test_additional_properties_are_named():
    assert "'colour' was unexpected" in problems({"a": 1, "colour": 2}, SCHEMA)[0]


def test_the_nearest_branch_of_a_choice_is_told():
    schema = {"anyOf": [{"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}]}
    assert problems({"x": "y"}, schema) == ["x: 'y' is not of type 'integer'"]


def test_few_problems_at_once_and_short_ones():
    found = problems(["x" * 9999] * 99, {"items": {"type": "integer"}})
    assert len(found) == 5
    assert all(len(problem) < 400 for problem in found)


def test_references_within_the_schema():
    schema = {"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}}
    assert problems(1, schema) == []
    assert problems("1", schema)


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "colour"}, "not a JSON schema: type"),
        ({"$ref": "#/$defs/missing"}, "missing"),
        ({"$ref": "https://example.test/schema.json"}, r"example\.test"),
        ({"$ref": "file:///etc/passwd"}, "passwd"),
        ({"$ref": "#"}, "nested too deeply"),
    ],
)
def test_schemas_that_cannot_be_used(schema, words):
    with pytest.raises(BadSchema, match=words):
        problems({}, schema)


def test_a_schema_says_its_own_draft():
    draft4 = {"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 3, "exclusiveMaximum": True}
    assert problems(3, draft4)
    assert problems(2, draft4) == []


@pytest.mark.parametrize(
    ("value", "words"),
    [(10**400, "cannot be checked"), (10**5000, "as JSON")],
    ids=["no float", "no text"],
)
def test_values_that_no_check_can_take(value, words):
    with pytest.raises(BadSchema, match=words):
        problems(value, {"multipleOf": 0.1})
