"""From text to the terms of lexical search: the same for documents and for queries.

Latin words are folded (width, case, accents) and stemmed, numbers written one way (1,200 = 1200; 6½ = 6.5). Scripts
that do not set words apart give their characters and pairs of characters, Chinese also the words of a dictionary: pairs
find what the dictionary cuts differently in question and document, words weigh what is surely one thing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache, lru_cache
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, Final

from retrieval.scripts import CJK

if TYPE_CHECKING:
    from Stemmer import Stemmer

# Function words and what asks: the latter tell nothing of what is asked about, and as stop words are worth .010 to .015
# R@1 on XQuAD in English and in Chinese and on CMRC 2018. "us" is not among them: it is what U.S. becomes.
_STOP_WORDS: Final = (
    "a an and are as at be but by for if in into is it no not of on or such that the their then there these they this"
    " to was will with do does did done how what when where which who whom whose why"
)
_STOP: Final = frozenset(_STOP_WORDS.split())
_ASKING: Final = re.compile(
    "为什么|为何|什么|哪[些个里儿位种]|哪(?!吒)|谁|多少|何[时处]|怎么样?|怎样|如何|是否|请问|[吗呢]$"
)
_PARTICLES: Final = frozenset("的了是在")

_HAN: Final = "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_HAN_RUN: Final = re.compile(f"[{_HAN}]{{2,}}")
# Thai, Lao, Burmese and Khmer do not set words apart either.
_UNSPACED: Final = CJK + "\u0e01-\u0e4e\u0e81-\u0ece\u1000-\u104f\u1780-\u17d3"
_RUN: Final = re.compile(f"[{_UNSPACED}]+")
# Vowel signs and accents belong to their word, though \w leaves them out.
_MARKS: Final = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0963\u0981-\u0dff"
# A word, with what joins its parts; 64 letters and 8 parts bound what is no word but data.
_WORD: Final = r"{0}{{1,64}}(?:(?:['.&-]|(?<=\d),(?=\d)){0}{{1,64}}){{0,7}}(?:\+\+|\#(?!\w))?"
_ASCII: Final = re.compile(_WORD.format("[a-z0-9]"))
_ANY: Final = re.compile(rf"[{_UNSPACED}]+|" + _WORD.format(rf"(?:[^\W_{_UNSPACED}]|[{_MARKS}])"))

_FRACTION: Final = re.compile(r"(\d{0,18})([¼-¾⅐-⅞])")
_PART: Final = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)*|[^\d.,'&+#-]+")
_LONGEST: Final = 64


def terms(text: str) -> list[str]:
    """Return the terms of `text`, repetitions included, roughly in order. Safe from several threads.

    A word joined of parts (state-of-the-art, iPhone15) gives the whole and the parts. Stop words give nothing.
    """
    if text.isascii():
        return [term for token in _ASCII.findall(text.lower()) for term in _of_word(token)]
    folded = unicodedata.normalize("NFKC", _FRACTION.sub(_decimal, text)).casefold().replace("’", "'")
    found: list[str] = []
    for token in _ANY.findall(folded):
        if token.isascii() or not _RUN.match(token):
            found += _of_word(token)
        else:
            found += _of_run(token)
    return found


def _decimal(match: re.Match[str]) -> str:
    """6½ -> 6.5; NFKC would glue the digits together (61⁄2)."""
    value = int(match[1] or 0) + unicodedata.numeric(match[2])
    return f"{value:.3f}".rstrip("0")


@lru_cache(1 << 16)
def _of_word(token: str) -> tuple[str, ...]:
    if token in _STOP:
        return ()
    word = _without_accents(token.removesuffix("'s"))
    parts: list[str] = _PART.findall(word)
    found = [] if len(parts) == 1 and parts[0] == word else _whole(word, parts)
    for part in parts:
        if part not in _STOP and (len(part) > 1 or len(parts) == 1 or part.isdigit()):
            found.append(part.replace(",", "") if part[0].isdigit() else _stem(part))
    return tuple(dict.fromkeys(found))


def _whole(word: str, parts: list[str]) -> list[str]:
    """The joined word as one term: e-mail = email, u.s. = us, c++; nothing for numbers, node.js or missing spaces."""
    if word.endswith(("++", "#")):
        return [word]
    spelt = all(len(part) == 1 for part in parts)
    if len(word) > _LONGEST or not any(part[0].isalpha() for part in parts) or (_DOTTED.search(word) and not spelt):
        return []
    return [_stem(re.sub(r"[,'&.-]", "", word) if spelt else re.sub(r"[,'&-]", "", word))]


_DOTTED: Final = re.compile(r"[^\W\d]\.|\.[^\W\d]")


def _without_accents(word: str) -> str:
    if word.isascii():
        return word
    plain = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    return plain if plain.isascii() else word


def _stem(word: str) -> str:
    if not (word.isascii() and word.isalpha()):
        return word
    with _stemming:
        stem: str = _stemmer().stemWord(word)
        return stem


# A Stemmer must not be used by two threads at once.
_stemming: Final = Lock()


@cache
def _stemmer() -> Stemmer:
    from Stemmer import Stemmer

    return Stemmer("english")


def _of_run(run: str) -> list[str]:
    found: list[str] = []
    for piece in _ASKING.split(run):
        found += [character for character in piece if character not in _PARTICLES]
        found += map("".join, pairwise(piece))
        for han in _HAN_RUN.findall(piece):
            found += [word for word in _cutter()(han) if len(word) > 1]
    return found


@cache
def _cutter() -> Callable[[str], list[str]]:
    """The dictionary's way to cut; where it is not installed, pairs have to do."""
    try:
        from rjieba import cut
    except ImportError:
        return lambda _: []
    words: Callable[[str], list[str]] = cut
    return words
