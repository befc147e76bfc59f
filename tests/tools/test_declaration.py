"""What `@tool` makes of a function, and which functions it refuses."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from datetime import date
from enum import Enum
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from tools.base import Context, Tool, tool
from tools.errors import BadArguments, BadTool


class Point(BaseModel):
    x: float
    y: float = 0.0


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@tool(needs_approval=True, seconds=2)
def draw(
    points: Annotated[list[Point], Field(description="Where the line goes.", min_length=1)],
    colour: Annotated[Colour, Field(description="Of the line.")] = Colour.RED,
    style: Annotated[Literal["solid", "dotted"], Field(description="How it looks.")] = "solid",
    on: Annotated[date | None, Field(description="The day.")] = None,
    copy: Annotated[bool, Field(description="A name that pydantic has taken.")] = False,
    *,
    context: Context,
) -> dict[str, object]:
    """Draw a line.

    Only lines.
    """
    return {"points": len(points), "colour": colour, "style": style, "on": on, "key": context.key, "copy": copy}


def test_the_signature_is_the_schema():
    assert draw.name == "draw"
    assert draw.spec.description == "Draw a line.\n\nOnly lines."
    schema = draw.spec.parameters
    assert schema["required"] == ["points"]
    assert schema["additionalProperties"] is False
    assert list(schema["properties"]) == ["points", "colour", "style", "on", "copy"]
    assert schema["properties"]["style"] == {
        "default": "solid", "description": "How it looks.", "enum": ["solid", "dotted"], "type": "string",
    }  # fmt: skip
    assert schema["$defs"]["Colour"] == {"enum": ["red", "blue"], "type": "string"}
    assert "title" not in str(schema)


def test_settings_of_the_tool():
    assert (draw.needs_approval, draw.seconds, draw.read_only) == (True, 2, False)
    with pytest.raises(FrozenInstanceError):
        draw.seconds = 3


async def test_arguments_arrive_as_their_types():
    given = draw.check('{"points": [{"x": 1}, {"x": 2.5, "y": 3}], "colour": "blue", "on": "2026-11-25", "copy": true}')
    assert given["points"] == [Point(x=1), Point(x=2.5, y=3)]
    assert await draw.run(given, Context(key="k1")) == {
        "points": 2, "colour": Colour.BLUE, "style": "solid", "on": date(2026, 11, 25), "key": "k1", "copy": True,
    }  # fmt: skip


def test_whole_numbers_may_be_written_with_a_point():
    @tool
    def count(n: int, share: float = 1.0) -> str:
        """Count."""
        return ""

    found = count.check('{"n": 5.0, "share": 2.0}')
    assert (found, type(found["n"]), type(found["share"])) == ({"n": 5, "share": 2.0}, int, float)
    for wrong in ("5.5", '"5"', "true", "1e300"):
        with pytest.raises(BadArguments, match="the argument 'n' is"):
            count.check(f'{{"n": {wrong}}}')


def test_defaults_are_not_shared():
    @tool
    def collect(texts: list[str] = []) -> str:  # noqa: B006
        """Collect."""
        return ""

    collect.check("{}")["texts"].append("left over")
    assert collect.check("{}") == {"texts": []}


WRONG = {
    '{"points": []}': "the argument 'points' is []: list should have at least 1 item after validation, not 0",
    '{"points": [{"x": "1"}]}': "the argument 'points.0.x' is \"1\": input should be a valid number",
    '{"points": [{"x": 1}], "style": "wavy"}': "'style' is \"wavy\": input should be 'solid' or 'dotted'",
    '{"points": [{"x": 1}], "colour": "green"}': "'colour' is \"green\": input should be 'red' or 'blue'",
    '{"points": [{"x": 1}], "context": {}}': "there is no argument 'context'; draw takes points, colour, style, on",
    '{"points": [{"x": 1}], "argument_0": 1}': "there is no argument 'argument_0'",
    '{"points": [{"x": NaN}]}': "the arguments are not valid JSON",
    "{}": "the argument 'points' is missing (array: Where the line goes.)",
    "": "the argument 'points' is missing",
    "[1]": "the arguments of draw must be one JSON object, not [1]",
    "null": "the arguments of draw must be one JSON object, not null",
    '{"points": ': "the arguments are not valid JSON: EOF while parsing a value at line 1 column 10",
    '{"points": [{"x": 1}], "线": "长"}': "there is no argument '线'",
    "[" * 100_000: "the arguments are not valid JSON",
}


@pytest.mark.parametrize(("arguments", "told"), WRONG.items(), ids=range(len(WRONG)))
def test_a_wrong_call_is_told_what_would_be_right(arguments, told):
    with pytest.raises(BadArguments) as caught:
        draw.check(arguments)
    assert told in str(caught.value)
    assert len(str(caught.value)) < 600


def test_many_mistakes_are_told_together():
    with pytest.raises(BadArguments, match=r"'points' is missing.*; the argument 'style' is 3.*; there is no.*'a'"):
        draw.check('{"style": 3, "a": 1}')
    with pytest.raises(BadArguments, match="and 6 more"):
        draw.check('{"points": [' + ", ".join(["{}"] * 11) + "]}")


def no_docstring(text: str) -> str:
    return text


def no_hint(text) -> str:
    """Say it."""
    return text


def many(*texts: str) -> str:
    """Say them."""
    return ""


def anything(**texts: str) -> str:
    """Say them."""
    return ""


def positional(text: str, /) -> str:
    """Say it."""
    return text


def indescribable(what: Callable[[], int]) -> str:
    """Call it."""
    return ""


def callback(what: "complex") -> str:
    """Use a number that JSON has not."""
    return ""


def wrong_default(count: int = "three") -> str:  # type: ignore[assignment]
    """Count."""
    return ""


def default_outside_its_range(count: Annotated[int, Field(ge=1)] = 0) -> str:
    """Count."""
    return ""


def unknown_hint(what: "Missing") -> str:  # type: ignore[name-defined]  # noqa: F821
    """Use something."""
    return ""


def 加(a: int) -> str:
    """Chinese names are refused by the APIs of models."""
    return ""


NOT_A_TOOL = {
    no_docstring: "no docstring",
    no_hint: "'text' of the tool 'no_hint' has no type hint",
    many: r"takes \*texts",
    anything: r"takes \*\*texts",
    positional: "takes text",
    indescribable: "cannot be described",
    wrong_default: "cannot be described",
    default_outside_its_range: "cannot be described",
    unknown_hint: "'Missing'",
    加: "1 to 64 letters",
}


@pytest.mark.parametrize("function", NOT_A_TOOL, ids=lambda function: function.__name__)
def test_what_no_model_could_call_is_refused(function):
    with pytest.raises(BadTool, match=NOT_A_TOOL[function]):
        tool(function)


def test_a_name_can_be_given():
    assert tool(name="add")(加).name == "add"


def test_a_tool_without_arguments():
    @tool
    async def now() -> str:
        """Tell the time."""
        return "12:00"

    assert isinstance(now, Tool)
    assert now.spec.parameters == {"type": "object", "properties": {}, "additionalProperties": False}
    assert now.check("") == now.check("{}") == now.check(" \n") == {}
    with pytest.raises(BadArguments, match="there is no argument 'zone'; now takes no arguments"):
        now.check('{"zone": "UTC"}')
