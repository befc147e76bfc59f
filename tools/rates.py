"""Exchange rates from a dated table: a CSV file in the European Central Bank's form, or in a longer one.

    Date,USD,JPY            date,currency,rate
    2024-02-29,1.0826,162   2024-02-29,USD,1.0826

Each number says how much of the currency one of the base buys.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from io import StringIO
from pathlib import Path

from tools.base import RatesOfDay
from tools.currency_names import CODE
from tools.errors import ToolError
from tools.threads import on_a_thread

Days = Mapping[date, Mapping[str, Decimal]]


class BadRates(Exception):
    """A table that is none; the message names the line."""


class RateFile:
    """The table in a file, read again when the file has changed."""

    def __init__(self, path: Path, base: str) -> None:
        """Raises BadRates."""
        self._path, self._base = path, base
        self._read = self._stamp(), read_table(self._text(), base)

    async def on(self, day: date | None) -> RatesOfDay:
        days = await on_a_thread(self._days, "rates")
        return of_day(days, day, self._base, self._path.name)

    def _days(self) -> Days:
        try:
            if (stamp := self._stamp()) != self._read[0]:
                self._read = stamp, read_table(self._text(), self._base)
        except BadRates as error:
            raise ToolError(f"the table of exchange rates cannot be read: {error}") from error
        return self._read[1]

    def _stamp(self) -> int:
        try:
            return self._path.stat().st_mtime_ns
        except OSError as error:
            raise BadRates(f"there is no file {str(self._path)!r} with exchange rates ({error.strerror})") from None

    def _text(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise BadRates(f"{str(self._path)!r} cannot be read as text in UTF-8: {error}") from None


def read_table(text: str, base: str) -> Days:
    """Raises BadRates."""
    rows = csv.reader(StringIO(text))
    head = [name.strip() for name in next(rows, [])]
    long = [name.lower() for name in head] == ["date", "currency", "rate"]
    if not long and (len(head) < 2 or head[0].lower() != "date"):
        raise BadRates(f"line 1: the columns are Date and then currencies, or date,currency,rate; not {head[:4]}")
    days: dict[date, dict[str, Decimal]] = {}
    for number, row in enumerate(rows, start=2):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        try:
            day = days.setdefault(date.fromisoformat(cells[0]), {base: Decimal(1)})
            pairs = [(cells[1], cells[2])] if long else zip(head[1:], cells[1:], strict=False)
            for code, rate in pairs:
                # The ECB writes N/A where there was no rate, and ends its lines with a comma.
                if code and rate and rate != "N/A":
                    day[_code(code)] = rate_of(rate)
        except (ValueError, IndexError, InvalidOperation) as error:
            raise BadRates(f"line {number}: {error}") from None
    if not days:
        raise BadRates("it has no lines with rates")
    return dict(sorted(days.items()))


def _code(text: str) -> str:
    if not CODE.fullmatch(text):
        raise ValueError(f"{text!r} is no code of a currency: three capitals")
    return text


def rate_of(text: str) -> Decimal:
    rate = Decimal(text)
    if not (rate.is_finite() and rate > 0):
        raise ValueError(f"{text!r} is no rate: a number above 0")
    return rate


def of_day(days: Days, wanted: date | None, base: str, source: str) -> RatesOfDay:
    """Raises ToolError for a day before all."""
    known = list(days)
    place = len(known) if wanted is None else bisect_right(known, wanted)
    if place == 0:
        raise ToolError(f"there are no exchange rates of {wanted} or before; the first are of {known[0]}")
    day = known[place - 1]
    return RatesOfDay(day=day, base=base, per_base=days[day], source=source)
