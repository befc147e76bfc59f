"""Which writing systems a text uses, counted by letter (Unicode scripts, the ones that matter for models here)."""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections import Counter
from functools import cache
from typing import Final

CJK: Final = (
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u30ff\u3105-\u318e\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\uff66-\uffdc\U0001aff0-\U0001b16f\u1100-\u11ff\ua960-\ua97c\uac00-\ud7ff"
)
"""The inside of a regex class: Han, Kana, Bopomofo and Hangul, in which words are not set apart by spaces."""

# First and last code point, by Unicode's Scripts.txt; gaps inside a range hold no letters of another script.
_RANGES: Final = (
    (0x0041, 0x02B8, "Latin"),
    (0x02E0, 0x02E4, "Latin"),
    (0x0370, 0x03FF, "Greek"),
    (0x0400, 0x052F, "Cyrillic"),
    (0x0591, 0x05F4, "Hebrew"),
    (0x0600, 0x06FF, "Arabic"),
    (0x0750, 0x077F, "Arabic"),
    (0x0870, 0x08FF, "Arabic"),
    (0x0900, 0x097F, "Devanagari"),
    (0x0E01, 0x0E5B, "Thai"),
    (0x1100, 0x11FF, "Hangul"),
    (0x1C80, 0x1C8F, "Cyrillic"),
    (0x1D00, 0x1D25, "Latin"),
    (0x1D2C, 0x1D5C, "Latin"),
    (0x1D62, 0x1D65, "Latin"),
    (0x1D6B, 0x1D77, "Latin"),
    (0x1D79, 0x1DBE, "Latin"),
    (0x1E00, 0x1EFF, "Latin"),
    (0x1F00, 0x1FFF, "Greek"),
    (0x2071, 0x209C, "Latin"),
    (0x212A, 0x212B, "Latin"),
    (0x2C60, 0x2C7F, "Latin"),
    (0x2DE0, 0x2DFF, "Cyrillic"),
    (0x2E80, 0x2FD5, "Han"),
    (0x3005, 0x3007, "Han"),
    (0x3041, 0x30FF, "Kana"),
    (0x3131, 0x318E, "Hangul"),
    (0x31F0, 0x31FF, "Kana"),
    (0x3400, 0x9FFF, "Han"),
    (0xA640, 0xA69F, "Cyrillic"),
    (0xA722, 0xA7FF, "Latin"),
    (0xA8E0, 0xA8FF, "Devanagari"),
    (0xA960, 0xA97C, "Hangul"),
    (0xAB30, 0xAB5A, "Latin"),
    (0xAC00, 0xD7FB, "Hangul"),
    (0xF900, 0xFAD9, "Han"),
    (0xFB00, 0xFB06, "Latin"),
    (0xFB1D, 0xFB4F, "Hebrew"),
    (0xFB50, 0xFDFC, "Arabic"),
    (0xFE70, 0xFEFC, "Arabic"),
    (0xFF21, 0xFF5A, "Latin"),
    (0xFF66, 0xFF9F, "Kana"),
    (0xFFA0, 0xFFDC, "Hangul"),
    (0x1AFF0, 0x1B167, "Kana"),
    (0x20000, 0x3FFFF, "Han"),
)
_STARTS: Final = tuple(first for first, _, _ in _RANGES)


def shares(text: str) -> dict[str, float]:
    """Return the share of letters (0 to 1, summing to 1) by script; {} for a text without letters.

    Keys: Latin, Han, Kana, Hangul, Cyrillic, Greek, Arabic, Hebrew, Devanagari, Thai, Other. Digits, punctuation,
    marks and symbols are not letters. Linear, with Python's own work only per distinct character.
    """
    counts: Counter[str] = Counter()
    for character, count in Counter(text).items():
        if script := _script(character):
            counts[script] += count
    letters = counts.total()
    return {script: count / letters for script, count in counts.most_common()}


@cache
def _script(character: str) -> str:
    if not unicodedata.category(character).startswith("L"):
        return ""
    code = ord(character)
    place = bisect_right(_STARTS, code) - 1
    if place >= 0 and code <= _RANGES[place][1]:
        return _RANGES[place][2]
    return "Other"
