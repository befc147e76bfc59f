"""Formulas as people type them, and numbers as people read them."""

from __future__ import annotations

import re
import unicodedata
from decimal import Context, Decimal
from fractions import Fraction

SIGNS = str.maketrans({
    "×": "*", "✕": "*", "✖": "*", "∙": "*", "·": "*", "⋅": "*", "÷": "/", "∕": "/", "⁄": "/",
    "−": "-", "–": "-", "—": "-", "﹣": "-", "﹢": "+", "^": "**", "π": "pi",
    "，": ",", "、": ",", "。": ".", "【": "(", "】": ")", "〔": "(", "〕": ")",
})  # fmt: skip
FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
POWER = re.compile("⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
ROOT = re.compile(r"√\s*(\d+(?:\.\d+)?|(?=\())")
PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%(?=\s*(?:[)*/,+]|\Z))")
"""Before a number or an opening parenthesis the sign means the remainder."""
UNIT = re.compile(r"(\d+(?:\.\d+)?)\s*([万萬亿億])")
UNITS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
ASKED = re.compile(r"[=?\s]+\Z")

DIGITS = 15
"""To which a number that does not end is rounded: what the platform's trigonometry is sure of."""
LONGEST_DECIMAL = 20
"""Digits of a decimal that is still written out in full."""
ROUNDING = Context(prec=DIGITS, Emax=2000, Emin=-2000)


def plain(text: str) -> str:
    """The formula in ASCII: full-width characters, signs of print, raised digits, percent, 万, digits of any script."""
    text = ASKED.sub("", in_ascii(text)).strip()
    text = UNIT.sub(lambda found: f"({found[1]}*{UNITS[found[2]]})", text)
    return PERCENT.sub(r"(\1/100)", text)


def in_ascii(text: str) -> str:
    """Its signs and digits in ASCII, letters of other scripts as they are."""
    text = text.translate(FULL_WIDTH).translate(SIGNS)
    text = POWER.sub(lambda found: f"**{found[0].translate(RAISED)}", text)
    text = ROOT.sub(lambda found: f"sqrt({found[1]})" if found[1] else "sqrt", text)
    return "".join(_character(character) for character in text)


def _character(character: str) -> str:
    if character.isascii():
        return character
    if character.isspace():
        return " "
    digit = unicodedata.decimal(character, None)
    return character if digit is None else str(digit)


def written(value: Fraction, exact: bool = True) -> str:
    """A whole number in full, a short decimal exactly, anything else to 15 significant digits."""
    if exact and value.denominator == 1:
        return str(value.numerator)
    ending = _ending(value) if exact else None
    if ending is not None and len(ending.as_tuple().digits) <= LONGEST_DECIMAL:
        return _decimal(ending)
    rounded = ROUNDING.divide(Decimal(value.numerator), Decimal(value.denominator))
    return _decimal(rounded)


def _ending(value: Fraction) -> Decimal | None:
    """The value as a decimal that ends; None: it has none, or a long one."""
    rest, places = value.denominator, 0
    for prime in (2, 5):
        times = 0
        while rest % prime == 0:
            rest, times = rest // prime, times + 1
        places = max(places, times)
    if rest != 1 or places > LONGEST_DECIMAL + 20:
        return None
    return Decimal(value.numerator * 10**places // value.denominator).scaleb(-places, Context(prec=2000))


def _decimal(value: Decimal) -> str:
    value = value.normalize(Context(prec=2000))
    if -7 <= value.adjusted() < LONGEST_DECIMAL + 1:
        return f"{value:f}"
    return f"{value:e}".replace("e+", "e")
