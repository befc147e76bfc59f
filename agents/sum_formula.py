"""Formulas put together with as few parentheses as they need, and refused where there are two ways to read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from agents.sum_tokens import NotRead

SUM, PRODUCT, SIGN, POWER, WHOLE = 1, 2, 3, 4, 5
"""How tightly a formula holds together."""
LEVELS = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "//": PRODUCT, "%": PRODUCT, "**": POWER}


class Formula(NamedTuple):
    text: str
    level: int = WHOLE
    kind: str = ""
    """`percent`, `fraction` or `negative`, until something is done with it."""
    done: bool = False
    """Whether something is computed: a number by itself is no sum, be it written as a fraction."""

    def within(self, least: int) -> str:
        return self.text if self.level >= least else f"({self.text})"


def joined(left: Formula, sign: str, right: Formula) -> Formula:
    """Raises NotRead."""
    level = LEVELS[sign]
    if level == SUM and (left.kind == "percent") != (right.kind == "percent"):
        raise NotRead("100 minus 10 percent may be 90 or 99.9")
    if level == POWER and left.kind == "negative":
        raise NotRead("negative two squared may be 4 or -4")
    before, after = (WHOLE, SIGN) if level == POWER else (level, level + 1)
    kind = "percent" if level == SUM and left.kind == "percent" else ""
    if sign == "/" and left.text.isdecimal() and right.text.isdecimal():
        kind = "fraction"  # `1/3 of 27`
    return Formula(f"{left.within(before)}{sign}{right.within(after)}", level, kind, True)


def applied(name: str, to: Formula) -> Formula:
    """A function of the calculator, `cbrt`, or a power (`**2`). Raises NotRead."""
    if name.startswith("**"):
        return joined(to, "**", Formula(name[2:]))
    if name == "cbrt":
        return Formula(f"{to.within(WHOLE)}**(1/3)", POWER, "", True)
    return called(name, [to])


def called(name: str, given: Sequence[Formula]) -> Formula:
    return Formula(f"{name}({','.join(one.text for one in given)})", WHOLE, "", True)


def negated(what: Formula, kind: str = "") -> Formula:
    return Formula(f"-{what.within(SIGN)}", SIGN, kind, what.done)


def share(over: str, under: str, kind: str) -> Formula:
    return Formula(f"{over}/{under}", PRODUCT, kind)


def all_of(sign: str, given: Sequence[Formula]) -> Formula:
    """The sum, product, mean, difference (`-`, or `abs` for how far apart) or quotient. Raises NotRead."""
    if len(given) < 2 or (sign in ("-", "/", "abs") and len(given) > 2):
        raise NotRead(sign)
    if sign == "mean":
        return called(sign, given)
    if sign == "abs":
        return called(sign, [joined(given[0], "-", given[1])])
    found = given[0]
    for one in given[1:]:
        found = joined(found, sign, one)
    return found
