"""A cell of a spreadsheet as it is shown: the number format says how many digits, which signs, whether a date.

Dates are written year first, whatever the format's order: 2022-03-04 is one day everywhere. Formats beyond the common
ones (fractions, conditions, scientific) show the number itself.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

# A format's sections: positive; negative; zero; text. Quoted or escaped text, and [$€-407] or [Red], are literals.
_LITERAL: Final = re.compile(r'"([^"]*)"|\\(.)|\[\$([^\]-]*)[^\]]*\]|\[[^\]]*\]|_.|\*.')
_DIGITS: Final = re.compile(r"[#0?][#0?,]*(?:\.[#0?]+)?,*")


class _Shape(NamedTuple):
    before: str
    after: str
    decimals: int
    thousands: bool
    percent: bool
    scale: int
    """How often the number is divided by a thousand."""
    least: int
    """Digits before the point, with zeros in front."""


def shown(value: Any, number_format: str) -> str:
    """`value`: as openpyxl gives it. An empty cell is the empty string."""
    match value:
        case None:
            return ""
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            return _number(value, number_format)
        case datetime():
            return value.isoformat(" ", "minutes" if not value.second else "seconds") if _timed(value) else _day(value)
        case date() | time():
            return value.isoformat()
        case timedelta():
            seconds = round(value.total_seconds())
            sign, seconds = ("-" if seconds < 0 else ""), abs(seconds)
            return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        case _:
            return str(value)


def _timed(value: datetime) -> bool:
    return value.time().replace(microsecond=0) != time()


def _day(value: datetime) -> str:
    return value.date().isoformat()


def _number(value: float, number_format: str) -> str:
    shape = _shape(number_format)
    if shape is None or value != value or abs(value) >= 1e15:
        return _plain(value)
    scaled = value * (100 if shape.percent else 1) / 1000**shape.scale
    digits = f"{abs(scaled):{',' if shape.thousands else ''}.{shape.decimals}f}"
    whole, point, rest = digits.partition(".")
    sign = "-" if scaled < 0 and digits.strip("0.,") else ""
    return f"{sign}{shape.before}{whole.zfill(shape.least)}{point}{rest}{'%' if shape.percent else ''}{shape.after}"


def _plain(value: float) -> str:
    """Fifteen digits are what the file has; the rest is the noise of binary fractions."""
    return str(value) if isinstance(value, int) else f"{value:.15g}"


@lru_cache(512)
def _shape(number_format: str) -> _Shape | None:
    """None: the number is shown as it is."""
    first = number_format.partition(";")[0]
    literals: list[str] = []

    def aside(found: re.Match[str]) -> str:
        literals.append(found[1] or found[2] or found[3] or "")
        return "\0"

    bare = _LITERAL.sub(aside, first)
    digits = _DIGITS.search(bare)
    if digits is None or re.search(r"General|[/@Ee]", bare, re.I):
        return None
    before, after = bare[: digits.start()], bare[digits.end() :]
    if _DIGITS.search(after):
        return None
    split = before.count("\0")
    mask = digits[0].rstrip(",")
    whole, _, decimals = mask.partition(".")
    return _Shape(
        before=_filled(before, literals[:split]).lstrip(),
        after=_filled(after, literals[split:]).rstrip(),
        decimals=len(decimals),
        thousands="," in whole,
        percent="%" in before + after,
        scale=len(digits[0]) - len(mask),
        least=max(1, whole.count("0")),
    )


def _filled(text: str, literals: list[str]) -> str:
    parts = text.replace("%", "").split("\0")
    return parts[0] + "".join(literal + part for literal, part in zip(literals, parts[1:], strict=True))
