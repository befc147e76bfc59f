"""Reading a chart off matplotlib, and comparing what it shows with figures in a text."""

import contextlib
import io
import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.chart_check import columns_of, found
from agents.charts import MARK, READ_OFF, Series, shown

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
    assert len(series[0].places) == 2


def test_lines_and_what_the_code_printed():
    def draw():
        sys.stdout.write("sum: 3\n")
        pyplot.plot([1, 2], label="数量")
        pyplot.plot([3, float("nan")], label="b")

    rest, series = read_off(draw)
    assert rest == "sum: 3"
    assert [one.label for one in series] == ["数量", "b"]
    assert series[0].values == (1, 2)


def test_no_chart_and_a_chart_that_cannot_be_read():
    assert read_off(lambda: None) == ("", None)
    assert read_off(pyplot.figure) == read_off(pyplot.subplots) == ("", None)
    assert shown(f"{MARK}nonsense") == ("", ())
    assert shown(f'{MARK}[{{"label": 1}}]') == ("", ())
    assert shown(f"{MARK}3") == ("", ())


@pytest.mark.parametrize(
    ("draw", "labels"),
    [
        (lambda: pyplot.pie([1, 2]), ["Wedge"]),
        (lambda: pyplot.fill_between([1, 2], [3, 4]), ["FillBetweenPolyCollection"]),
        (lambda: pyplot.imshow([[1, 2]]), ["AxesImage"]),
        (lambda: pyplot.plot([1, 2], alpha=0), []),
    ],
)
def test_what_cannot_be_read_is_named(draw, labels):
    _, series = read_off(draw)
    assert [(one.label, one.values) for one in series] == [(label, ()) for label in labels]


YEARS = "| 年 | s | share |\n| 2018 | 17 | 0.5 |\n| 2019 | 34 | NULL |\n| 2020 | 61 | 0.25 |\n3 rows."
LONG = "| city | year | n |\n| a | 2018 | 1 |\n| a | 2019 | 2 |\n| b | 2018 | 3 |\n| b | 2019 | 4 |"
FIGURES = (17, 34, 61)
ALONG = (2018, 2019, 2020)
OK = "every value is one that the query gave"


@pytest.mark.parametrize(
    ("series", "figures", "ok", "says"),
    [
        ([(FIGURES, ALONG)], YEARS, True, OK),
        ([(FIGURES, (0, 1, 2))], YEARS, True, OK),
        ([((0.5, math.nan, 0.25), ALONG)], YEARS, True, OK),
        ([(FIGURES, ALONG), ((0.5, 0.25), (2018, 2020))], YEARS, True, OK),
        ([(ALONG, ALONG)], YEARS, False, "labels of the query's rows as if they were values: 2018, 2019, 2020"),
        ([(ALONG, (0, 1, 2))], YEARS, False, "labels of the query's rows as if they were values: 2018, 2019, 2020"),
        ([((17,), (2018,))], YEARS, False, "1 of the 3 rows that the query gave, each with its value"),
        ([((17, 61, 34), ALONG)], YEARS, False, "values at the places of other rows: 61, 34"),
        ([((17, 34, 122), ALONG)], YEARS, False, "values that the query did not give: 122"),
        ([((1, 2), (2018, 2019)), ((3, 4), (2018, 2019))], LONG, True, OK),
        ([((1, 2), (2018, 2019))], LONG, False, "2 of the 4 rows that the query gave, each with its value"),
        ([((1451130, -0.5, 300), ())], "n\n1,451,130\n−0.5\n3e2\n3 rows.", True, OK),
        ([((5,), ())], "| sum |\n| 5 |\n1 row.", True, OK),
    ],
)  # fmt: skip
def test_a_chart_is_compared_with_the_rows(series, figures, ok, says):
    finding = found([Series(label="", values=v, places=p) for v, p in series], columns_of(figures))
    assert (finding.ok, finding.message) == (ok, says)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=20))
def test_every_value_that_is_written_down_is_known(values):
    rows = "".join(f"| {n} | {value!r} |\n" for n, value in enumerate(values))
    series = [Series(label="", values=tuple(values), places=tuple(range(len(values))))]
    assert found(series, columns_of(f"| n | v |\n{rows}")).ok


def test_what_is_no_table_has_no_columns():
    assert columns_of("") == columns_of("The query is empty: write one SELECT.") == []
