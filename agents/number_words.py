"""Numbers in words, English and Chinese, by the rules of their languages; what these do not allow is no number.

`twenty twenty four` may be a year and `两百五` is 250, so that to add up what the words stand for would be a guess.
"""

from __future__ import annotations

import re
from decimal import Decimal

_SMALL: tuple[str, ...] = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS: tuple[str, ...] = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
VALUES = {word: n for n, word in enumerate(_SMALL)} | {word: 10 * n for n, word in enumerate(_TENS, start=2)}
DIGITS = {word: str(n) for n, word in enumerate(_SMALL[:10])}
SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
WORDS = (*VALUES, "hundred", *SCALES)

HAN_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"两": 2, "兩": 2, "〇": 0}
_HAN_TENS = {"十": 10, "百": 100, "千": 1000}
HAN_SCALES = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
HAN = "".join((*HAN_DIGITS, *_HAN_TENS, *HAN_SCALES))
_HAN_GROUP = re.compile(
    "([一二两兩三四五六七八九]千)?(零)?([一二两兩三四五六七八九]百)?(零)?([一二三四五六七八九]?十)?([一二三四五六七八九])?"
)


class NoNumber(Exception):
    """The words are none, or more than one."""


def of_words(text: str) -> int:
    """`three hundred and twenty`. Raises NoNumber."""
    total, part, last = 0, 0, 10**15
    words = [word for word in re.split(r"[\s-]+", text) if word != "and"]
    for place, word in enumerate(words):
        value = VALUES.get(word)
        if value == 0:
            if len(words) > 1:
                raise NoNumber(text)
        elif value is not None:
            if part % 100 and not (part % 100 >= 20 and part % 10 == 0 and value < 10):
                raise NoNumber(text)
            part += value
        elif word == "hundred":
            if part >= 100 or (part == 0 and place and words[place - 1] not in SCALES):
                raise NoNumber(text)
            part = max(part, 1) * 100
        else:
            if SCALES[word] >= last or (part == 0 and place):
                raise NoNumber(text)
            last, total, part = SCALES[word], total + max(part, 1) * SCALES[word], 0
    return total + part


def of_han(text: str) -> int:
    """`三百二十`, `一千二` (1,200), `二〇二四`. Raises NoNumber."""
    if all(character in HAN_DIGITS for character in text):
        return int("".join(str(HAN_DIGITS[character]) for character in text))
    total, rest = 0, text
    for scale, signs in ((10**8, "亿億"), (10**4, "万萬")):
        found = re.split(f"[{signs}]", rest)
        if len(found) > 2:
            raise NoNumber(text)
        if len(found) == 2:
            total += _group(found[0], text, first=total == 0) * scale
            rest = found[1]
            if rest in HAN_DIGITS and rest not in "零〇两兩":
                return total + HAN_DIGITS[rest] * scale // 10  # 一万二
    return total + (_group(rest, text, first=total == 0) if rest else 0)


def _group(text: str, whole: str, *, first: bool) -> int:
    """Below 10,000."""
    if text in _HAN_TENS:
        return _HAN_TENS[text]
    if first and text in HAN_DIGITS:
        return HAN_DIGITS[text]
    found = _HAN_GROUP.fullmatch(text)
    if not text or found is None or (first and text[0] == "零" and len(text) > 1):
        raise NoNumber(whole)
    thousands, gap, hundreds, gap_too, tens, last = found.groups()
    digit = HAN_DIGITS[last] if last else 0
    value = _times(thousands) + _times(hundreds) + _times(tens)
    if (gap and not (hundreds or tens or last)) or (gap_too and not (tens or last)):
        raise NoNumber(whole)
    if digit and not (tens or gap or gap_too):
        # The last scale goes on: 三百五 is 350.
        digit *= 10 if hundreds else 100 if thousands else 1
    return value + digit


def _times(text: str | None) -> int:
    """`三百`; of `十` alone 10."""
    if not text:
        return 0
    return _HAN_TENS[text[-1]] * (HAN_DIGITS[text[0]] if len(text) > 1 else 1)


def scaled(figures: str, scales: str) -> Decimal:
    """Figures and the words of scales behind them: `1.5`, `million`."""
    value = Decimal(figures.replace(",", ""))
    for word in re.findall(r"[a-z]+|.", scales.strip()):
        value *= 100 if word == "hundred" else {**SCALES, **HAN_SCALES, **_HAN_TENS}[word]
    return value


def decimal(before: Decimal | int, digits: str) -> Decimal:
    """What `point` and digits, in figures or in words of one language, add to a whole number."""
    said = [DIGITS.get(word) or _digit(word) for word in re.findall(r"[a-z]+|\S", digits.replace("-", " "))]
    return Decimal(f"{before}.{''.join(said)}")


def _digit(character: str) -> str:
    return character if character.isdecimal() else str(HAN_DIGITS[character])
