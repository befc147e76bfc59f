"""A question about a sum, cut into numbers and signs, without the words that only ask.

The vocabulary is closed: a question with any other word in it is about something else, or says more of the sum than is
known here. `24/7` after "what is" is a sum, in another sentence it is not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from agents.number_words import DIGITS, HAN, HAN_DIGITS, HAN_SCALES, SCALES, WORDS, decimal, of_han, of_words, scaled
from tools.arithmetic import CONSTANTS, FUNCTIONS
from tools.formulas import in_ascii

LONGEST = 1_000
"""Characters, as the calculator takes them."""
MOST_ASKING = 12
"""Words at the end that ask."""


class NotRead(Exception):
    """There is something in the question that the rules do not know."""


class Token(NamedTuple):
    kind: str
    text: str = ""
    """Of a number its decimal figures; of a sign or function what the calculator calls it."""
    over: str = ""
    """Of a fraction its denominator; of a sign how it is written, if that is `/`."""


_ASKS_FIRST = re.compile(
    r"[\s,:;?=]+|(?:please|kindly|hi|hello|hey|ok|okay|so|now|and|then|well|just|quickly)\b"
    r"|(?:can|could|would|will) you\b|(?:tell|give|show) me\b|let me know\b"
    r"|i(?: want| need|'d like| would like) to know\b"
    r"|what(?:'s|’s|s| is| are| does| do)\b|how much(?: is| are| does| do)?\b|how many (?:is|are)\b"
    r"|what (?:do|will) (?:you|i|we) get\b"
    r"|(?:if|when) (?:you|i|we)\b|(?:you|i|we) get (?:if|when)\b"
    r"|(?:calculate|compute|evaluate|work out|figure out|find|solve|determine)\b"
    r"|(?:the )?(?:exact )?(?:result|value|answer) (?:of|to)\b"
    r"|请问|请|麻烦|帮我|帮忙|你好|能不能|能否|可以|你|我想知道|告诉我|那么|那|计算一下|计算|算一下|算一算|算算|算出|算|求出|求|一下"
)
_ASKS_LAST = re.compile(
    r"(?:[\s,:;?=.]+|(?<=[a-z])!"
    r"|\b(?:equals?|equal to|is|are|makes?|comes? to|gives?|get|please|thanks|thank you"
    r"|what|how much|in total|altogether|exactly|be)"
    r"|等于|是|得|为|的?结果|的值|的?答案|多少|几|什么|啊|呢|吗|吧|呀|了|谢谢|算一下|帮我算|一共|总共|合计)$"
)
_DATE = re.compile(r"\b\d{4}([-/.])\d{1,2}\1\d{1,2}\b|\b\d{1,2}([-/])\d{1,2}\2\d{4}\b")

_W = "|".join(sorted(WORDS, key=len, reverse=True))
_S = "|".join(("hundred", *SCALES))
_D = "|".join(DIGITS)
_RUN = (
    rf"\b(?:{_W})\b(?:(?:[\s-]+|(?<=hundred) and |(?<=thousand) and |(?<=million) and |(?<=billion) and )(?:{_W})\b)*"
)
_FIGURES = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+"
_HAN = f"[{HAN}]+|{_FIGURES}"
_HAN_PARTS = re.compile(
    rf"(?P<whole>(?:[{HAN}]+|\d+)又)?(?P<under>[{HAN}]+|\d+)分之(?P<over>{_HAN})(?P<point>点[{''.join(HAN_DIGITS)}]+)?"
)
_POINT = re.compile(
    rf"(?P<before>{_RUN}|\d+)?\s*\bpoint (?P<digits>(?:{_D})\b(?:[\s-]+(?:{_D})\b)*|\d+)(?P<scale>(?: (?:{_S})\b)*)"
)
# Not of figures: 8点30 is a time.
_HAN_POINT = re.compile(
    rf"(?P<before>[{HAN}]+)点(?P<digits>[{''.join(HAN_DIGITS)}]+)(?P<scale>[{''.join(HAN_SCALES)}]*)"
)
_PLAIN = re.compile(rf"(?P<figures>{_FIGURES})(?P<scale>(?:\s*[百千{''.join(HAN_SCALES)}]| (?:{_S})\b)*)")
_ARGUMENT = re.compile(r"\d+(?:\.\d+)?|\.\d+")
_HAN_RUN, _WORD_RUN = re.compile(f"[{HAN}]+"), re.compile(_RUN)

_LITTLE = (("half", "halves", 2), ("third", "thirds", 3), ("quarter", "quarters", 4), ("fourth", "fourths", 4),
           ("fifth", "fifths", 5), ("sixth", "sixths", 6), ("seventh", "sevenths", 7), ("eighth", "eighths", 8),
           ("ninth", "ninths", 9), ("tenth", "tenths", 10))  # fmt: skip
_WORDS: tuple[tuple[str, str, str], ...] = (
    ("", "", r"(?:the|an?)\b"),
    ("sign", "**", r"\*\*|(?:raised )?to the power(?: of)?\b"),
    ("sign", "//", r"//"),
    ("sign", "*", r"\*|[x×](?![a-z])|times\b|multiplied by\b|乘以|乘上|乘"),
    ("sign", "/", r"/|divided by\b|over\b|除以"),
    ("sign", "+", r"\+|plus\b|added to\b|加上|加"),
    ("sign", "-", r"-|minus\b|less\b(?! than)|减去|减"),
    ("sign", "%", r"mod(?:ulo)?\b"),
    ("less", "", r"subtracted from\b"),
    ("percent", "%", r"%"),
    ("percent", "", r"percent\b|per cent\b"),
    ("function", "sqrt", r"square root of\b|根号"),
    ("function", "cbrt", r"cube root of\b"),
    ("function", "**2", r"square of\b"),
    ("function", "**3", r"cube of\b"),
    ("function", "factorial", r"factorial of\b"),
    ("after", "sqrt", r"(?:算术)?平方根|开平方|开方"),
    ("after", "cbrt", r"立方根"),
    ("after", "**2", r"squared\b|平方"),
    ("after", "**3", r"cubed\b|立方"),
    ("after", "factorial", r"阶乘"),
    ("raised", "", r"次方幂?|次幂"),
    ("fold", "", r"倍"),
    ("total", "+", r"(?:sum|total) of\b"),
    ("total", "abs", r"difference between\b"),
    ("total", "-", r"difference of\b"),
    ("total", "*", r"product of\b"),
    ("total", "/", r"quotient of\b"),
    ("total", "mean", r"(?:average|mean) of\b"),
    ("noun", "-", r"差"),
    ("noun", "*", r"乘?积"),
    ("noun", "/", r"商"),
    ("noun", "mean", r"平均[数值]"),
    ("with", "和", r"和|与"),
    ("and", "", r"and\b"),
    ("then", "", r"then\b|然后|之后|接着|再|又"),
    ("add", "", r"add\b"),
    ("subtract", "", r"subtract\b"),
    ("multiply", "", r"multiply\b"),
    ("divide", "", r"divide\b"),
    ("it", "", r"(?:it|that|the result)\b"),
    ("negative", "", r"negative\b|负"),
    ("manifold", "2", r"twice\b|double\b"),
    ("manifold", "3", r"triple\b|thrice\b"),
    *(("part", str(n), rf"{one}\b") for one, _, n in _LITTLE),
    *(("parts", str(n), rf"{many}\b") for _, many, n in _LITTLE),
    *((word, "", rf"{word}\b") for word in ("of", "to", "from", "by")),
    ("的", "", "的"),
    (",", "", ","),
    ("(", "", r"\("),
    (")", "", r"\)"),
    ("money", "usd", r"\$|(?:us )?dollars?\b|usd\b|美元"),
    ("money", "eur", r"€|euros?\b|eur\b|欧元"),
    ("money", "gbp", r"£|pounds?\b|gbp\b|英镑"),
    ("money", "cny", r"¥|yuan\b|rmb\b|cny\b|人民币|块钱|元"),
    ("call", "", rf"(?:{'|'.join(sorted(FUNCTIONS, key=len, reverse=True))})(?=\s*\()"),
    ("constant", "", rf"(?:{'|'.join(CONSTANTS)})\b"),
)  # fmt: skip
_VOCABULARY = tuple((kind, name, re.compile(pattern)) for kind, name, pattern in _WORDS)


def tokens_of(question: str) -> list[Token]:
    """Raises NotRead, and NoNumber for words of numbers that make none."""
    if len(question) > LONGEST:
        raise NotRead("long")
    # The Chinese commas never part thousands.
    plain = in_ascii(question.replace("！", ".").replace("、", ", ").replace("，", ", "))
    text = _without_asking(" ".join(plain.casefold().split()))
    if _DATE.search(text):
        raise NotRead("a date")
    # Hyphens join the words of a number: `ninety-one`, `one-half`.
    text = re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text)
    found, place, within = list[Token](), 0, list[bool]()
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        token, place = _next(text, place, called=any(within))
        if token.kind == "(":
            within.append(bool(found) and found[-1].kind == "call")
        elif token.kind == ")" and within:
            within.pop()
        found += [token] if token.kind else []
    return _without_money(found)


def _without_asking(text: str) -> str:
    place = 0
    while found := _ASKS_FIRST.match(text, place):
        place = found.end()
    text = text[place:]
    for _ in range(MOST_ASKING):
        if found := _ASKS_LAST.search(text):
            text = text[: found.start()]
    return text


def _without_money(tokens: list[Token]) -> list[Token]:
    if len({token.text for token in tokens if token.kind == "money"}) > 1:
        raise NotRead("two currencies")
    return [token for token in tokens if token.kind != "money"]


def _next(text: str, place: int, *, called: bool) -> tuple[Token, int]:
    """`called`: within the parentheses of a function, where a comma stands between arguments."""
    if called and (found := _ARGUMENT.match(text, place)):
        return Token("number", found[0]), found.end()
    for pattern, read in _NUMBERS:
        if found := pattern.match(text, place):
            return read(found), found.end()
    for kind, name, pattern in _VOCABULARY:
        if (found := pattern.match(text, place)) and found.end() > place:
            return Token(kind, name or found[0], "/" if found[0] == "/" else ""), found.end()
    raise NotRead(text[place:])


def _parts(found: re.Match[str]) -> Token:
    over, under = _number(found["over"]), _number(found["under"], bare=True)
    if found["point"]:
        over = decimal(over, found["point"][1:])
    if found["whole"]:
        return Token("mixed", _figures(_number(found["whole"][:-1]) * under + over), _figures(under))
    kind = "hundredths" if under == 100 else "fraction"
    return Token(kind, _figures(over), _figures(under))


def _point(found: re.Match[str]) -> Token:
    before = "0" if found["before"] is None else found["before"]
    whole = int(before) if before.isdecimal() else of_words(before)
    return Token("number", _figures(scaled(str(decimal(whole, found["digits"])), found["scale"])))


def _han_point(found: re.Match[str]) -> Token:
    value = decimal(_number(found["before"]), found["digits"])
    return Token("number", _figures(scaled(str(value), found["scale"])))


def _number(text: str, *, bare: bool = False) -> Decimal:
    """`bare`: a scale by itself is a number, as the hundred of 百分之五."""
    if text[0] in HAN:
        return Decimal(10**4 if bare and text in ("万", "萬") else of_han(text))
    return scaled(text, "")


def _figures(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


_NUMBERS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Token]], ...] = (
    (re.compile("一半"), lambda found: Token("fraction", "1", "2")),
    (_HAN_PARTS, _parts),
    (_HAN_POINT, _han_point),
    (_POINT, _point),
    (_PLAIN, lambda found: Token("number", _as_written(found))),
    (_HAN_RUN, lambda found: Token("number", str(of_han(found[0])))),
    (_WORD_RUN, lambda found: Token("number", str(of_words(found[0])))),
)


def _as_written(found: re.Match[str]) -> str:
    return (
        _figures(scaled(found["figures"], found["scale"]))
        if found["scale"].strip()
        else found["figures"].replace(",", "")
    )
