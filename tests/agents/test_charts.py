"""Reading a chart off matplotlib, and comparing what it shows with figures in a text."""

import contextlib
import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.charts import MARK, READ_OFF, Series, shown, strangers

pyplot = pytest.importorskip("matplotlib.pyplot")


def read_off(draw):
    """What code that draws would print."""
    pyplot.switch_backend("agg")
    output = io.StringIO()
    try:
        with contextlib.redirect_stdout(output):
            draw()
            exec(READ_OFF, {})
    finally:
        pyplot.close("all")
    return shown(output.getvalue())


@pytest.mark.parametrize(
    ("draw", "values"),
    [
        (lambda: pyplot.plot([2013, 2023], [1.5, 2], label="cars"), (1.5, 2)),
        (lambda: pyplot.bar(["a", "b"], [3, 4], label="cars"), (3, 4)),
        (lambda: pyplot.barh(["a", "b"], [3, 4], label="cars"), (3, 4)),
        (lambda: pyplot.scatter([1, 2], [5, 6], label="cars"), (5, 6)),
    ],
    ids=["line", "bars", "bars that lie", "dots"],
)
def test_what_a_chart_shows_is_read_off_it(draw, values):
    rest, series = read_off(draw)
    assert rest == ""
    assert [(one.label, one.values) for one in series] == [("cars", values)]


def test_lines_and_what_the_code_printed():
    def draw():
        sys.stdout.write("sum: 3\n")
        pyplot.plot([1, 2], label="数量")
        pyplot.plot([3, float("nan")], label="b")

    rest, series = read_off(draw)
    assert rest == "sum: 3"
    assert [one.label for one in series] == ["数量", "b"]
    assert strangers(series, "1 and 2 and 3") == []


def test_no_chart_and_a_chart_that_cannot_be_read():
    assert read_off(lambda: None) == ("", None)
    assert read_off(lambda: pyplot.pie([1, 2])) == ("", ())
    assert shown(f"{MARK}nonsense") == ("", ())
    assert shown(f'{MARK}[{{"label": 1}}]') == ("", ())
    assert shown(f"{MARK}3") == ("", ())


def test_numbers_are_found_as_tables_write_them():
    rows = "| 2023 | 1,451,130 | −0.5 | 3e2 |"
    assert strangers([Series(label="", values=(1451130, -0.5, 300, 2023))], rows) == []
    assert strangers([Series(label="", values=(451130, 0.5, 2023.5))], rows) == [451130, 0.5, 2023.5]


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_every_value_that_is_written_down_is_known(values):
    assert strangers([Series(label="", values=tuple(values))], " | ".join(map(repr, values))) == []
