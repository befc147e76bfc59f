"""Whether an answer says what it should: the words stand in it, a number as a number of its own.

Case, width, punctuation and the articles a, an, the do not count, and neither do blanks beside Chinese or Japanese
characters. Words of scripts with blanks are whole words: `art` is not in `party`. A number is not part of a longer one:
3 is neither in 1931, 3.5, 3rd and B3 nor in 3万, and 三 not in 三十 or 十三; `1,931` and `1931` are one number, `3` and
`three` are two. Anything else of Chinese is found anywhere.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from retrieval.scripts import CJK

_THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?:,\d{3})+(?!\d)")
_INITIALS = re.compile(rf"(?<![^\W{CJK}])(?:[a-z]\.){{2,}}")
_PUNCTUATION = re.compile(r"[^\w\s.]|_|(?<!\d)\.|\.(?!\d)")
"""All but the point of a decimal."""
_ARTICLES = re.compile(r"\b(?:an?|the)\b")
_ATOMS = re.compile(rf"[{CJK}]|\d+(?:\.\d+)*|[^\s\d{CJK}]+")

_NUMERAL = "〇零一二三四五六七八九十百千万亿两"
# A thousand grams or metres are a unit: 5千克 has the number 5.
_LARGER = "(?:[十百万亿]|千(?![克米瓦卡赫帕焦]))"
Kind = Literal["digit", "numeral", "unit", "letter", "free"]
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_UNITS = frozenset(("one", "two", "three", "four", "five", "six", "seven", "eight", "nine"))


def says(answer: str, wanted: str) -> bool:
    """Whether `wanted` stands in the answer."""
    text, gold = _plain(answer), _plain(wanted)
    if _ARTICLES.sub(" ", gold).strip():
        text, gold = _ARTICLES.sub(" ", text), _ARTICLES.sub(" ", gold).strip()
    if not gold:
        return False
    return any(_alone(gold, text, found) for found in _pattern(gold).finditer(text))


def replaced(text: str, wanted: str, instead: str) -> str:
    """`text` with another answer wherever `wanted`, which is not empty, stands in it letter by letter."""
    folded, gold = text.casefold(), wanted.casefold()
    if len(folded) != len(text):
        folded, gold = text, wanted  # Other letters have other places.
    return re.sub(re.escape(wanted), lambda found: instead if _alone(gold, folded, found) else found[0], text)


@lru_cache(1_024)
def _plain(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold()
    text = _THOUSANDS.sub(lambda found: found[0].replace(",", ""), text)
    text = _INITIALS.sub(lambda found: found[0].replace(".", ""), text)
    return " ".join(_PUNCTUATION.sub(" ", text).split())


@lru_cache(4_096)
def _pattern(gold: str) -> re.Pattern[str]:
    """`gold` is plain, and not empty. Blanks count only between words, and between numbers."""
    atoms = _ATOMS.findall(gold)
    made = re.escape(atoms[0])
    for former, atom in pairwise(atoms):
        loose = _dense(former) or _dense(atom) or former[0].isdigit() != atom[0].isdigit()
        made += (r"\s*" if loose else r"\s+") + re.escape(atom)
    return re.compile(made)


def _alone(gold: str, text: str, found: re.Match[str]) -> bool:
    before, after = _before(_kind(gold[0], gold.split()[0])), _after(_kind(gold[-1], gold.split()[-1]))
    return before.match(text, found.start()) is not None and after.match(text, found.end()) is not None


def _kind(edge: str, word: str) -> Kind:
    """Of the first or the last character, and its word."""
    if edge.isdigit():
        return "digit"
    if edge in _NUMERAL:
        return "numeral"
    if _dense(edge) or not edge.isalnum():
        return "free"
    return "unit" if word in _UNITS else "letter"


@lru_cache
def _before(kind: Kind) -> re.Pattern[str]:
    word = rf"(?<![^\W{CJK}])"
    return re.compile(
        {
            "digit": rf"{word}(?<!\d[.,])(?<![{_NUMERAL}])",
            "numeral": rf"(?<![\d{_NUMERAL}])(?<![\d{_NUMERAL}]点)",
            "unit": word + "".join(rf"(?<!{tens}[\s-])" for tens in _TENS),
            "letter": word,
            "free": "",
        }[kind]
    )


@lru_cache
def _after(kind: Kind) -> re.Pattern[str]:
    word = rf"(?![^\W{CJK}])"
    return re.compile(
        {
            "digit": rf"(?!\d|[.,]\d|(?:st|nd|rd|th|s|d){word}|\s?{_LARGER})",
            "numeral": rf"(?!\d|[〇零一二三四五六七八九两]|{_LARGER}|点[\d{_NUMERAL}])",
            "unit": rf"{word}(?!\s(?:hundred|thousand|million|billion))",
            "letter": word,
            "free": "",
        }[kind]
    )


def _dense(text: str) -> bool:
    return re.match(f"[{CJK}]", text) is not None
