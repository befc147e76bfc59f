"""Dates, what is added to them, how long between them, and the clocks of other places."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.base import Context
from tools.calendar import calendar
from tools.day_counts import in_years, workdays_between
from tools.perform import perform

NOW = datetime(2026, 11, 25, 20, 30, tzinfo=UTC)


async def ask(where="UTC", **arguments):
    return await perform(calendar, json.dumps(arguments), Context(now=NOW, zone=where))


SAYS = [
    ({}, "Wednesday, 2026-11-25; week 48 of 2026, day 329 of the year"),
    ({"date": "2021-01-01"}, "Friday, 2021-01-01; week 53 of 2020, day 1 of the year"),
    ({"date": "明天"}, "Thursday, 2026-11-26"),
    ({"date": "yesterday"}, "Tuesday, 2026-11-24"),
    ({"date": "2024年2月29日"}, "Thursday, 2024-02-29"),
    ({"date": "2024/2/9"}, "Friday, 2024-02-09"),
    ({"date": "20240229"}, "Thursday, 2024-02-29"),
    ({"date": "2024-01-31", "add": "1 month"}, "plus 1 month: Thursday, 2024-02-29"),
    ({"date": "2024-01-31", "add": "1 month"}, "2024-02 has 29 days, so the day is its last"),
    ({"date": "2024-02-29", "add": "1 year -1 day"}, "Thursday, 2025-02-27"),
    ({"date": "2024-02-29", "add": "-2周"}, "Thursday, 2024-02-15"),
    ({"date": "2026-11-27", "add": "1 workday"}, "Monday, 2026-11-30"),
    ({"date": "2026-11-28", "add": "-1个工作日"}, "Friday, 2026-11-27"),
    ({"date": "2024-02-29", "until": "2026-11-25"}, "1000 days, which is 142 weeks and 6 days, or 2 years, 8 months"),
    ({"date": "2026-11-25", "until": "2026-11-20"}, "-5 days; -3 workdays"),
    ({"date": "2026-11-25", "until": "2027-11-25"}, "365 days, which is 52 weeks and 1 day, or 1 year; 261 workdays"),
    ({"date": "2026-11-25 09:00", "until": "2026-11-26 10:30"}, "25 h 30 min"),
    ({"date": "2026-11-25 14:30", "zone": "Asia/Shanghai", "to_zone": "Europe/Berlin"}, "07:30 Europe/Berlin (UTC+01"),
    ({"date": "2026-11-25T14:30:00Z", "to_zone": "Asia/Kolkata"}, "20:00 Asia/Kolkata (UTC+05:30)"),
    ({"date": "now"}, "20:30 UTC"),
    ({"date": "2026-03-28 12:00", "add": "24 hours", "zone": "Europe/Berlin"}, "2026-03-29 13:00 Europe/Berlin"),
    ({"date": "2026-03-28 12:00", "add": "1 day", "zone": "Europe/Berlin"}, "2026-03-29 12:00 Europe/Berlin"),
    ({"date": "2026-10-25 02:30", "zone": "Europe/Berlin"}, "the first of two such times that day"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "says"), SAYS)
async def test_what_it_says(arguments, says):
    outcome = await ask(**arguments)
    assert outcome.fault is None
    assert says in outcome.text


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"date": "next blue moon"}, "is no date: write 2024-02-29"),
        ({"date": "2023-02-29"}, "there is no day '2023-02-29'"),
        ({"date": "2024年2月29日 下午"}, "after the day there may stand a time"),
        ({"date": "2024-02-29 25:00"}, "there is no time '25:00' on a clock"),
        ({"date": "2026-03-29 02:30", "zone": "Europe/Berlin"}, "does not exist in Europe/Berlin: the clock"),
        ({"zone": "Shanghai"}, "did you mean Asia/Shanghai?"),
        ({"zone": "../../etc/passwd"}, "there is no time zone"),
        ({"to_zone": "Europe/Berlin"}, "a day has no time to tell in Europe/Berlin"),
        ({"add": "soon"}, "'soon' cannot be added: write a number and one of seconds"),
        ({"add": " "}, "what is to be added is blank"),
        ({"add": "9999999 years"}, "leads out of the years 1 to 9999"),
        ({"add": "9999999 days"}, "leads out of the years 1 to 9999"),
        ({"add": "9999999 workdays"}, "are too many"),
    ],
)  # fmt: skip
async def test_what_it_refuses_says_what_would_help(arguments, why):
    outcome = await ask(**arguments)
    assert outcome.fault == "refused"
    assert why in outcome.text


async def test_today_is_where_the_user_is():
    assert (await ask("Asia/Shanghai")).text.startswith("Thursday, 2026-11-26")
    assert (await ask("Asia/Shanghai", zone="Europe/Berlin")).text.startswith("Wednesday, 2026-11-25")


DAYS = st.dates(date(1900, 1, 1), date(2200, 1, 1))


@given(DAYS, DAYS)
def test_workdays_are_counted_as_by_hand(first, last):
    early, late = sorted((first, last))
    late = min(late, early + timedelta(days=400))
    counted = sum((early + timedelta(days=n)).weekday() < 5 for n in range((late - early).days))
    assert workdays_between(early, late) == counted == -workdays_between(late, early)


@given(DAYS, DAYS)
def test_years_months_and_days_are_whole_and_not_negative(first, last):
    early, late = sorted((first, last))
    years, months, days = in_years(early, late)
    assert years >= 0
    assert 0 <= months < 12
    assert 0 <= days < 31
