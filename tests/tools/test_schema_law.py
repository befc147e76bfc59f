"""The schema that a model is shown and the check that its call meets say the same."""

import json
from typing import Annotated, Literal

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, Field

from tools.base import tool
from tools.errors import BadArguments


class Item(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str
    price: float = Field(1.0, ge=0)


@tool
def order(
    items: Annotated[list[Item], Field(max_length=2)],
    count: Annotated[int, Field(ge=1, le=9)] = 1,
    size: Literal["s", "m"] | None = None,
    notes: dict[str, bool] | None = None,
    gift: bool = False,
) -> str:
    """Order things."""
    return ""


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.sampled_from([0.5, -0.5, 3.25, 2.0, -2.0, 1e300]),
    st.sampled_from(["s", "m", "", "价"]),
)
NAMES = st.sampled_from(["items", "count", "size", "notes", "gift", "name", "price", "杂"])
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
ITEMS = st.fixed_dictionaries({"name": st.text(max_size=2)}, optional={"price": st.floats(0, 9) | st.integers(-1, 9)})
NEAR = st.fixed_dictionaries(
    {"items": st.lists(ITEMS, max_size=3) | ANYTHING},
    optional={
        "count": st.integers(0, 10) | ANYTHING,
        "size": st.sampled_from(["s", "m", None, "l"]),
        "notes": st.dictionaries(st.text(max_size=1), st.booleans() | st.integers(0, 1), max_size=2),
        "gift": SCALARS,
    },
)
VALIDATOR = Draft202012Validator(order.spec.parameters)


@given(NEAR | ANYTHING)
def test_the_check_takes_what_the_schema_takes(arguments):
    try:
        order.check(json.dumps(arguments))
        taken = True
    except BadArguments:
        taken = False
    assert taken == VALIDATOR.is_valid(arguments)
