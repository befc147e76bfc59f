import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import BadFilter
from retrieval.filters import parse

FILE = {"year": 2021, "lang": "zh", "draft": False, "标签": "政策", "share": 9.5}


def eq(key, value, type="eq"):
    return {"type": type, "key": key, "value": value}


@pytest.mark.parametrize(
    ("filter", "passes"),
    [
        (eq("lang", "zh"), True),
        (eq("标签", "政策"), True),
        (eq("lang", "en"), False),
        (eq("missing", "x"), False),
        (eq("missing", "x", "ne"), True),
        (eq("year", 2021, "gte"), True),
        (eq("year", 2021.5, "gte"), False),
        (eq("year", 2021, "gt"), False),
        (eq("year", 2022, "lt"), True),
        (eq("share", 9.5, "lte"), True),
        (eq("lang", "za", "lt"), False),
        (eq("lang", "aa", "gt"), True),
        (eq("year", "2021", "gte"), False),
        (eq("draft", False), True),
        (eq("draft", 0), False),
        (eq("year", [2020, 2021], "in"), True),
        (eq("year", [2020, "2021"], "in"), False),
        (eq("year", [2020], "nin"), True),
        (eq("missing", ["x"], "nin"), True),
        ({"type": "and", "filters": [eq("lang", "zh"), eq("year", 2020, "gt")]}, True),
        ({"type": "and", "filters": [eq("lang", "zh"), eq("year", 2030, "gt")]}, False),
        ({"type": "or", "filters": [eq("lang", "en"), eq("year", 2020, "gt")]}, True),
        ({"type": "or", "filters": [{"type": "and", "filters": [eq("lang", "en")]}, eq("year", 1)]}, False),
    ],
)
def test_grammar(filter, passes):
    assert parse(filter)(FILE) is passes


@pytest.mark.parametrize(
    ("filter", "path"),
    [
        ("lang=zh", "filters"),
        ({"type": "like", "key": "lang", "value": "z"}, "filters.type"),
        ({"key": "lang", "value": "z"}, "filters.type"),
        (eq("", "z"), "filters.key"),
        (eq(5, "z"), "filters.key"),
        (eq("lang", None), "filters.value"),
        (eq("lang", {"a": 1}), "filters.value"),
        (eq("lang", "zh", "in"), "filters.value"),
        (eq("draft", True, "gt"), "filters.value"),
        ({**eq("lang", "zh"), "boost": 2}, "filters.boost"),
        ({"type": "and", "filters": []}, "filters.filters"),
        ({"type": "or", "filters": [eq("a", 1), eq("b", None)]}, "filters.filters[1].value"),
    ],
)
def test_what_is_outside_the_grammar_is_refused_by_place(filter, path):
    with pytest.raises(BadFilter) as caught:
        parse(filter)
    assert caught.value.path == path
    assert str(caught.value)


def test_a_filter_of_any_depth_or_size_is_refused_not_crashed_on():
    deep = eq("a", 1)
    for _ in range(50):
        deep = {"type": "and", "filters": [deep]}
    wide = {"type": "or", "filters": [eq("a", n) for n in range(1000)]}
    for filter in (deep, wide):
        with pytest.raises(BadFilter, match="too large"):
            parse(filter)


VALUES = st.one_of(st.integers(-5, 5), st.sampled_from(["a", "b", "政"]), st.booleans())


@given(st.dictionaries(st.sampled_from("abc"), VALUES), st.sampled_from("abc"), VALUES)
def test_laws(attributes, key, value):
    def holds(type, wanted):
        return parse({"type": type, "key": key, "value": wanted})(attributes)

    assert holds("eq", value) != holds("ne", value)
    assert holds("in", [value]) == holds("eq", value)
    assert holds("nin", [value]) == holds("ne", value)
    if not isinstance(value, bool):
        assert holds("gte", value) == (holds("gt", value) or holds("eq", value))
        assert not (holds("gt", value) and holds("lt", value))
