from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError

from agents.field_names import fields_beside


class Leaf(BaseModel, extra="forbid"):
    kind: Literal["leaf"] = "leaf"
    colour: str = ""


class Twig(BaseModel, extra="forbid"):
    kind: Literal["twig"]
    leaves: list[Leaf] = []


class Tree(BaseModel, extra="forbid"):
    parts: tuple[Annotated[Leaf | Twig, Field(discriminator="kind")], ...] = ()
    by_name: dict[str, Leaf] = {}
    root: Leaf | None = Field(None, alias="below")


def beside(given):
    try:
        Tree.model_validate(given)
    except ValidationError as error:
        (first,) = error.errors()
        return fields_beside(Tree, first["loc"])
    raise AssertionError("nothing is wrong with it")


def test_the_names_are_those_of_the_object_that_holds_the_field():
    assert beside({"height": 3}) == ("parts", "by_name", "root")
    assert beside({"parts": [{"kind": "twig", "leaves": [{"color": "red"}]}]}) == ("kind", "colour")
    assert beside({"parts": [{"kind": "twig", "color": "red"}]}) == ("kind", "leaves")
    assert beside({"by_name": {"a": {"color": "red"}}}) == ("kind", "colour")
    assert beside({"below": {"color": "red"}}) == ("kind", "colour")
