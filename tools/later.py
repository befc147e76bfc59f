"""A moment with time added to it: "3 months -2 days", in English or Chinese."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta

from tools.errors import ToolError
from tools.moments import Moment

STEP = re.compile(r"([+-]?)\s*(\d{1,7})\s*(?:个)?\s*([a-z]+|[\u4e00-\u9fff]+)", re.I)
UNITS = {
    "second": "seconds", "sec": "seconds", "s": "seconds", "秒": "seconds", "秒钟": "seconds",
    "minute": "minutes", "min": "minutes", "分": "minutes", "分钟": "minutes",
    "hour": "hours", "h": "hours", "小时": "hours", "时": "hours", "钟头": "hours",
    "day": "days", "d": "days", "天": "days", "日": "days",
    "workday": "workdays", "weekday": "workdays", "businessday": "workdays", "工作日": "workdays",
    "week": "weeks", "w": "weeks", "周": "weeks", "星期": "weeks", "礼拜": "weeks",
    "month": "months", "月": "months",
    "year": "years", "y": "years", "年": "years",
}  # fmt: skip
MOST_WORKDAYS = 100_000


def added(moment: Moment, text: str) -> tuple[Moment, list[str]]:
    """The moment with "3 months -2 days" added, in that order, and what should be said of it. Raises ToolError."""
    notes: list[str] = []
    rest, sign = text.strip().replace(",", " ").replace("，", " "), 1
    if not rest:
        raise ToolError("what is to be added is blank: write for example 3 months, or -10 workdays")
    while rest:
        rest = re.sub(r"^(?:and\b|plus\b|加|再)\s*", "", rest, flags=re.I)
        found = STEP.match(rest)
        unit = _unit(found[3]) if found is not None else None
        if found is None or unit is None:
            kinds = "seconds, minutes, hours, days, workdays, weeks, months, years"
            raise ToolError(f"{rest[:40]!r} cannot be added: write a number and one of {kinds}, as in -2 weeks 3 days")
        sign = {"+": 1, "-": -1, "": sign}[found[1]]
        try:
            moment, note = _step(moment, sign * int(found[2]), unit)
        except (OverflowError, ValueError):
            raise ToolError(f"adding {found[0]!r} leads out of the years 1 to 9999") from None
        notes += [note] if note else []
        rest = rest[found.end() :].strip()
    return moment, notes


def _unit(word: str) -> str | None:
    word = word.casefold()
    return UNITS.get(word) or UNITS.get(word.removesuffix("s"))


def _step(moment: Moment, count: int, unit: str) -> tuple[Moment, str]:
    day, at, note = moment.day, moment.at, ""
    if unit in ("seconds", "minutes", "hours"):
        # Time that passes: over a change of the clocks an hour is an hour.
        start = at or datetime.combine(day, time(), UTC)
        later = (start.astimezone(UTC) + timedelta(**{unit: count})).astimezone(start.tzinfo)
        return Moment(later.date(), later if at or later.time() != time() else None), note
    if unit == "workdays":
        day = _workdays_on(day, count)
    elif unit in ("months", "years"):
        months = day.year * 12 + day.month - 1 + count * (12 if unit == "years" else 1)
        year, month = months // 12, months % 12 + 1
        last = monthrange(year, month)[1]
        if day.day > last:
            note = f"{year}-{month:02} has {last} days, so the day is its last"
        day = date(year, month, min(day.day, last))
    else:
        day += timedelta(days=count * (7 if unit == "weeks" else 1))
    return (Moment(day) if at is None else Moment(day, datetime.combine(day, at.timetz()))), note


def _workdays_on(day: date, count: int) -> date:
    if abs(count) > MOST_WORKDAYS:
        raise ToolError(f"{count} workdays are too many; at most {MOST_WORKDAYS}")
    step = timedelta(days=1 if count > 0 else -1)
    while count:
        day += step
        if day.weekday() < 5:
            count -= 1 if count > 0 else -1
    return day
