"""Dates: weekdays, what comes so much later, how long between two, and the same moment in another time zone.

"Today" is the day on which the run began, so that a step that runs again, and a replay, find the same.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import Field

from tools.base import Context, tool
from tools.day_counts import in_years, workdays_between
from tools.errors import ToolError
from tools.later import added
from tools.moments import Moment, read_moment, read_zone

LONGEST = 100
Text = Annotated[str, Field(max_length=LONGEST)]


@tool(read_only=True, seconds=5)
def calendar(
    context: Context,
    date: Annotated[
        Text, Field(description="2024-02-29, 2024-02-29 14:30, 2024年2月29日, today, tomorrow, yesterday or now.")
    ] = "today",
    add: Annotated[
        Text,
        Field(description="What to add, as in 3 months, -2 weeks 1 day, 10 workdays or 36 hours; empty: nothing."),
    ] = "",
    until: Annotated[Text, Field(description="Another date, to count from the first one to it; empty: none.")] = "",
    zone: Annotated[
        Text, Field(description="Time zone in which the dates are meant, such as Europe/Berlin; empty: the user's.")
    ] = "",
    to_zone: Annotated[Text, Field(description="Tell the moment in this time zone too; empty: in none.")] = "",
) -> str:
    """Look up today's date, a date's weekday and week, add time to a date, count days between dates, change time zones.

    Use it whenever the answer depends on today's date. Workdays are Mondays to Fridays; no holidays are known.
    """
    here = read_zone(zone or context.zone)
    now = context.now or datetime.now(UTC)
    start = moment = read_moment(date, now, here)
    lines = [_told(start)]
    if add:
        moment, notes = added(start, add)
        lines += [f"plus {add.strip()}: {_told(moment)}", *notes]
    if until:
        lines.append(_between(moment, read_moment(until, now, here)))
    if to_zone:
        if moment.at is None:
            raise ToolError(f"a day has no time to tell in {to_zone}: give one, as in {moment.day} 14:30")
        there = moment.at.astimezone(read_zone(to_zone))
        lines.append(f"in {to_zone}: {_told(Moment(there.date(), there))}")
    return "\n".join(lines)


def _told(moment: Moment) -> str:
    day = moment.day
    year, week, _ = day.isocalendar()
    head = f"{day:%A}, {_iso(day)}"
    if moment.at is not None:
        at = moment.at
        seconds = ":%S" if at.second else ""
        head += f" {at:%H:%M{seconds}} {at.tzinfo} (UTC{_offset(at)})"
        if at.utcoffset() != at.replace(fold=1).utcoffset():
            head += ", the first of two such times that day, as the clock goes back"
    return f"{head}; week {week} of {year}, day {day.timetuple().tm_yday} of the year"


def _iso(day: date) -> str:
    return day.isoformat()


def _offset(at: datetime) -> str:
    text = f"{at:%z}"
    return f"{text[:3]}:{text[3:5]}"


def _between(first: Moment, last: Moment) -> str:
    days = (last.day - first.day).days
    early, late = sorted((first.day, last.day))
    parts = [
        _count(number, unit)
        for number, unit in zip(in_years(early, late), ("year", "month", "day"), strict=True)
        if number
    ]
    weeks, left = divmod(abs(days), 7)
    told = f"from {_iso(first.day)} until {_told(last)}: {_count(days, 'day')}"
    if weeks:
        told += f", which is {_count(weeks, 'week')}" + (f" and {_count(left, 'day')}" if left else "")
    if len(parts) > 1 or "day" not in "".join(parts):
        told += f", or {', '.join(parts)}" if parts else ""
    told += f"; {_count(workdays_between(first.day, last.day), 'workday')} (the last day not counted)"
    if first.at is not None and last.at is not None:
        seconds = (last.at - first.at).total_seconds()
        hours, rest = divmod(abs(int(seconds)), 3600)
        told += f"; {'-' if seconds < 0 else ''}{hours} h {rest // 60} min" + (f" {rest % 60} s" if rest % 60 else "")
    return told


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}{'' if abs(number) == 1 else 's'}"
