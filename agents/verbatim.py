"""Finding words of an answer in a source, whatever happened to white space, quotation marks, width and case."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from retrieval.scripts import CJK

_SAME = str.maketrans("“”„‟«»「」『』‘’‚‛`´–—―‐‑−", '""""""""""\'\'\'\'\'\'------')
# White space, invisible characters and Markdown's emphasis: never part of what is compared.
_DROPPED = re.compile(r"[\s*_`\\\u00ad\u200b-\u200f\u2060\ufeff]")
_QUOTED = re.compile(r"“([^”]+)”|\"([^\"]+)\"|«([^»]+)»|「([^」]+)」|『([^』]+)』")
_DENSE = re.compile(rf"[{CJK}]")


@dataclass(frozen=True, slots=True)
class Folded:
    """A text without the differences that do not count; `places[i]` is where folded character i stands in it."""

    text: str
    places: list[int]


def fold(text: str) -> Folded:
    """Fold width and compatibility forms (NFKC, character by character), case, quotation marks and dashes."""
    characters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        if _DROPPED.match(character):
            continue
        for folded in unicodedata.normalize("NFKC", character).translate(_SAME).casefold():
            if not folded.isspace():
                characters.append(folded)
                places.append(place)
    return Folded("".join(characters), places)


def find(words: str, source: Folded) -> tuple[int, int] | None:
    """Return the span of the source's text that says `words`, or None. The span is exact in code points."""
    for wanted in (fold(words).text, bare(words)):
        start = source.text.find(wanted) if wanted else -1
        if start >= 0:
            return source.places[start], source.places[start + len(wanted) - 1] + 1
    return None


def bare(words: str) -> str:
    """The words folded, without the marks that end them."""
    return fold(words).text.rstrip(".。!！?？,，;；:：…")


def weighty(words: str, least: int) -> bool:
    """Whether words are long enough to be no chance match: `least` folded characters, a CJK one counting three."""
    text = fold(words).text
    return len(text) + 2 * len(_DENSE.findall(text)) >= least


def quotations(claim: str) -> list[str]:
    """What a claim puts in quotation marks, the longest first."""
    found = ["".join(groups) for groups in _QUOTED.findall(claim)]
    return sorted(found, key=len, reverse=True)
