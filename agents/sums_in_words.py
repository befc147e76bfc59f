"""Arithmetic read out of a question without a model: figures, signs, and the common words for both.

`What is 15 percent of three hundred and twenty?` -> `15/100*320`. What remains words is no arithmetic: a story problem
has to be understood, which this does not do (Karpas et al. 2022 find the same limit of extraction by rules).
"""

from __future__ import annotations

import ast
import re

from backends.python_syntax import parse_expression
from tools.formulas import plain

_SMALL: tuple[str, ...] = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS: tuple[str, ...] = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES = {word: n for n, word in enumerate(_SMALL)} | {word: 10 * n for n, word in enumerate(_TENS, start=2)}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_NUMBER = "|".join((*_VALUES, *_SCALES))
_NUMBER_WORDS = re.compile(rf"\b(?:{_NUMBER})\b(?:(?:[\s-]+|\s+and\s+)(?:{_NUMBER})\b)*", re.IGNORECASE)

_HAN = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_HAN_SCALES = {"十": 10, "百": 100, "千": 1000}
_HAN_NUMBER = re.compile("[零〇一二两三四五六七八九十百千万亿]+")

_N = r"(\(.+?\)|-?\d+(?:\.\d+)?(?:\*\*\d+)?)"
_WORDS: tuple[tuple[str, str], ...] = (
    (r"(?<=\d),(?=\d{3}\b)", ""),
    (_N + r"\s*的\s*@\s*" + _N, r"\2/100*\1"),
    (r"@\s*" + _N, r"\1/100"),
    (_N + r"\s*(?:percent|per cent|%)\s*(?:of|的)?\s*" + _N, r"\1/100*\2"),
    (_N + r"\s*的\s*" + _N + r"\s*(?:%|percent)", r"\2/100*\1"),
    (r"(?:the )?square root of\s*" + _N, r"sqrt(\1)"),
    (_N + r"\s*的?(?:平方根|算术平方根)", r"sqrt(\1)"),
    (r"(?:the )?factorial of\s*" + _N, r"factorial(\1)"),
    (_N + r"\s*的阶乘", r"factorial(\1)"),
    (_N + r"\s*(?:squared|的平方)", r"\1**2"),
    (_N + r"\s*(?:cubed|的立方)", r"\1**3"),
    (_N + r"\s*的\s*(\d+)\s*次[方幂]", r"\1**\2"),
    (r"(?:the )?(?:sum|total) of\s*" + _N + r"\s*,?\s*and\s*" + _N, r"(\1+\2)"),
    (r"(?:the )?difference (?:between|of)\s*" + _N + r"\s*and\s*" + _N, r"(\1-\2)"),
    (r"(?:the )?product of\s*" + _N + r"\s*and\s*" + _N, r"(\1*\2)"),
    (r"(?:the )?quotient of\s*" + _N + r"\s*and\s*" + _N, r"(\1/\2)"),
    (r"(?:the )?(?:average|mean) of\s*" + _N + r"\s*and\s*" + _N, r"mean(\1,\2)"),
    (_N + r"\s*(?:subtracted from)\s*" + _N, r"(\2-\1)"),
    (r"subtract\s*" + _N + r"\s*from\s*" + _N, r"(\2-\1)"),
    (r"add\s*" + _N + r"\s*(?:and|to)\s*" + _N, r"(\1+\2)"),
    (r"multiply\s*" + _N + r"\s*(?:by|and|with)\s*" + _N, r"(\1*\2)"),
    (r"divide\s*" + _N + r"\s*by\s*" + _N, r"(\1/\2)"),
    (r"[再又]?除以", "/"),
    (r"[再又]?(?:乘以|乘上|乘)", "*"),
    (r"[再又]?(?:加上|加)", "+"),
    (r"[再又]?(?:减去|减)", "-"),
    (r"(?:raised )?to the power (?:of)?", "**"),
    (r"\b(?:plus|added to)\b", "+"),
    (r"\b(?:minus|less)\b", "-"),
    (r"\b(?:times|multiplied by)\b", "*"),
    (r"(?<=\d)\s*[x×]\s*(?=[\d(])", "*"),
    (r"\b(?:divided by|over)\b", "/"),
)
_RULES = tuple((re.compile(pattern, re.IGNORECASE), to) for pattern, to in _WORDS)
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")
_SPAN = re.compile(r"(?:sqrt|mean|factorial|[\d.+\-*/()%,\s])+")


def expression_in(question: str) -> str:
    """The longest formula of the question with a sign or function in it, for the calculator; empty if it has none."""
    text = _DATE.sub(" ", plain(question)).replace("百分之", "@")
    text = _HAN_NUMBER.sub(_of_han, text)
    text = _NUMBER_WORDS.sub(_of_words, text)
    for pattern, to in _RULES:
        text = pattern.sub(to, text)
    spans = (span.strip(" ,.*/%+") for span in _SPAN.findall(text))
    found = [span for span in spans if _is_formula(span)]
    return max(found, key=len, default="").replace(" ", "")


def _is_formula(text: str) -> bool:
    if not any(sign in text[1:] for sign in "+-*/(%") or not any(c.isdigit() for c in text):
        return False
    try:
        tree = parse_expression(plain(text)).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return isinstance(tree, ast.BinOp | ast.Call)


def _of_words(found: re.Match[str]) -> str:
    total, part = 0, 0
    for word in re.split(r"[\s-]+", found[0].lower()):
        if word in _VALUES:
            part += _VALUES[word]
        elif word == "hundred":
            part = max(part, 1) * 100
        elif word in _SCALES:
            total, part = total + max(part, 1) * _SCALES[word], 0
    return str(total + part)


def _of_han(found: re.Match[str]) -> str:
    text = found[0]
    if text in ("万", "亿"):
        return text  # Behind figures: the calculator knows it.
    total, part, digit = 0, 0, 0
    for character in text:
        if character in _HAN:
            digit = _HAN[character]
        elif character in _HAN_SCALES:
            part, digit = part + (digit or 1) * _HAN_SCALES[character], 0
        else:
            scale = 10_000 if character == "万" else 100_000_000
            total, part, digit = (total + part + digit) * scale, 0, 0
    return str(total + part + digit)
