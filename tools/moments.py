"""Dates and times as people and models write them, in English and Chinese."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from tools.errors import ToolError

DAY = re.compile(r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|年(\d{1,2})月(\d{1,2})[日号]?|(\d{2})(\d{2}))")
CLOCK = re.compile(
    r"(?:T|\s+|^)(\d{1,2})[:：点](\d{2})(?:[:：分](\d{2}))?[分秒]?(?:\.\d+)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?$", re.I
)
WORDS = {"today": 0, "tomorrow": 1, "yesterday": -1, "今天": 0, "今日": 0, "明天": 1, "明日": 1, "昨天": -1, "昨日": -1}
NOW = ("now", "现在", "此刻")


@dataclass(frozen=True)
class Moment:
    """A day, or a time of a day in a zone."""

    day: date
    at: datetime | None = None
    """With its zone; None: the whole day is meant."""


def read_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ToolError(f"there is no time zone {name[:60]!r}; {_near(name)}") from None


def _near(name: str) -> str:
    """Zones are named after a city each: the last part is what people know."""
    by_city = {zone.rpartition("/")[2].casefold(): zone for zone in sorted(available_timezones())}
    wanted = name.rpartition("/")[2].strip().replace(" ", "_").casefold()
    near = [by_city[city] for city in get_close_matches(wanted, by_city, n=3, cutoff=0.7)]
    return f"did you mean {', '.join(near)}?" if near else "write an IANA name such as Europe/Berlin or Asia/Shanghai"


def read_moment(text: str, now: datetime, zone: tzinfo) -> Moment:
    """`now` has a zone. Raises ToolError."""
    text = text.strip()
    here = now.astimezone(zone)
    word = text.casefold()
    if word in NOW:
        return Moment(here.date(), here)
    for name, days in WORDS.items():
        if word == name:
            return Moment(here.date() + timedelta(days=days))
        if word.startswith(name) and (clock := _clock(text[len(name) :].strip())) is not None:
            return _timed(here.date() + timedelta(days=days), clock, zone)
    found = DAY.match(text)
    if found is None:
        if (clock := _clock(text)) is not None:
            return _timed(here.date(), clock, zone)
        raise ToolError(f"{text[:60]!r} is no date: write 2024-02-29, 2024-02-29 14:30, today or now")
    year, *rest = (int(part) for part in found.groups() if part is not None)
    try:
        day = date(year, *rest)
    except ValueError as error:
        raise ToolError(f"there is no day {found[0]!r}: {error}") from None
    rest_of_it = text[found.end() :]
    if not rest_of_it.strip():
        return Moment(day)
    clock = _clock(rest_of_it)
    if clock is None:
        raise ToolError(
            f"{text[:60]!r}: after the day there may stand a time such as 14:30, not {rest_of_it.strip()!r}"
        )
    return _timed(day, clock, zone)


def _clock(text: str) -> tuple[time, tzinfo | None] | None:
    found = CLOCK.match(text)
    if found is None:
        return None
    try:
        at = time(int(found[1]), int(found[2]), int(found[3] or 0))
    except ValueError:
        raise ToolError(f"there is no time {text.strip()!r} on a clock") from None
    return at, _offset(found[4]) if found[4] else None


def _offset(text: str) -> tzinfo:
    if text.upper() in ("Z", "UTC"):
        return UTC
    parsed: tzinfo | None = datetime.strptime(text.replace(":", ""), "%z").tzinfo
    assert parsed is not None
    return parsed


def _timed(day: date, clock: tuple[time, tzinfo | None], zone: tzinfo) -> Moment:
    at = datetime.combine(day, clock[0], clock[1] or zone)
    if clock[1] is None and (back := at.astimezone(UTC).astimezone(zone)).replace(tzinfo=None) != at.replace(
        tzinfo=None
    ):
        raise ToolError(f"{at:%Y-%m-%d %H:%M} does not exist in {zone}: the clock goes forward there, to {back:%H:%M}")
    return Moment(day, at)
