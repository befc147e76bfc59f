"""How long it is from one day to another."""

from __future__ import annotations

from calendar import monthrange
from datetime import date


def workdays_between(first: date, last: date) -> int:
    """Mondays to Fridays from the first day on, without the last."""
    if last < first:
        return -workdays_between(last, first)
    weeks, days = divmod((last - first).days, 7)
    return weeks * 5 + sum((first.weekday() + n) % 7 < 5 for n in range(days))


def in_years(first: date, last: date) -> tuple[int, int, int]:
    """Whole years, months and days from the earlier day to the later one."""
    months = (last.year - first.year) * 12 + last.month - first.month
    if _in_months(first, months) > last:
        months -= 1
    return months // 12, months % 12, (last - _in_months(first, months)).days


def _in_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
