"""Sentences as spans, for alphabets that end one with a mark and a space and for CJK text that has no spaces."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from retrieval.base import Span
from retrieval.blocks import Block, blocks
from retrieval.scripts import CJK

LONGEST: Final = 2000
"""Characters; a longer sentence is cut at a space. Prose stays far below: it bounds tables of numbers, logs, junk."""

_CLOSERS: Final = r"\"'”’»›」』）】》〉〕］)\]}*_"
_END: Final = re.compile(
    rf"""
      (?P<cjk>[。！？；｡](?![。！？；｡…])|…(?![。！？；｡…])(?=[”’」』）】》{CJK}]))[{_CLOSERS}]{{0,8}}
    | (?<=[{CJK}”’」』）】》])(?:[.!?](?=[{CJK}“‘「『（【《])|[!?](?=[A-Za-z\d]))
    | (?P<mark>[.!?…।॥؟۔።။])(?:[{_CLOSERS}]|\[\d{{1,3}}\]){{0,8}}(?=\s|\Z)
    """,
    re.VERBOSE,
)
_NEXT: Final = re.compile(r"[\s\"'“‘«‹「『（【《(\[{*_¿¡#–—-]*+([^\W_]+)?")
_WORD_BEFORE: Final = re.compile(r"[^\s(\[{\"'“‘«「『（/—–-]*\Z")
_ACRONYM: Final = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]|[A-Z][a-z]\.[A-Z]")
_SPACE_NEAR_END: Final = re.compile(r"\s(?=\S*\Z)")
_PAUSE_NEAR_END: Final = re.compile(r"[，、：,:|/](?!\d)(?=[^，、：,:|/]*\Z)")
_SEAM_NEAR_END: Final = re.compile(rf"[\W_{CJK}](?=(?:(?![{CJK}_])\w)*\Z)")


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_BEFORE_A_NAME: Final = _words("""
    dr mr mrs ms mx messrs mme prof st mt ft gen col maj lt cmdr capt sgt rev hon gov sen rep pres fr sr
    vs v cf viz e.g i.e eg ie al approx ca dept univ bros
""")
_BEFORE_A_NUMBER: Final = _words("""
    no nos nr fig figs eq eqs sec secs ch chap vol vols p pp art par ref refs tab table app ex pt pts ver op
    jan feb mar apr jun jul aug sep sept oct nov dec c
""")
_MAYBE: Final = _words("etc inc ltd co corp jr esq ave blvd rd a.m p.m am pm ph.d b.sc m.sc dist div ed eds")
_OPENERS: Final = _words("""
    a after all also although an and another are as at because before both but by did do does each even every few
    for from had has have he her here his how however i if in is it its many most my nor not now of on one or other
    our since so some still such than that the their then there these they this those though thus to two under
    until we were what when where whether which while who why will with yet you
""")


def sentences(text: str) -> list[Span]:
    """Return the sentences of `text` in order, each stripped of white space; together they hold all non-space text.

    A heading, a table row, a list item and a blank line end a sentence; a code fence is one. Linear in the text.
    """
    return [Span(start=start, end=end) for block in blocks(text) for start, end in within(text, block)]


def within(text: str, block: Block) -> Iterator[tuple[int, int]]:
    """Yield start and end of each sentence of one block."""
    start = block.start
    if block.kind in ("text", "item"):
        for match in _END.finditer(text, block.body, block.end):
            end = match.end()
            if match["mark"] and not _ends(text, block.body, match, block.end):
                continue
            if match["cjk"]:
                if text[end : end + 1] in ("，", "、", "：", ",", ":"):
                    continue
                end = _open_quote(text, start, match.start("cjk"), end)
            yield from _capped(text, start, end)
            start = end
            while start < block.end and text[start].isspace():
                start += 1
    yield from _capped(text, start, block.end)


def _ends(text: str, begin: int, match: re.Match[str], limit: int) -> bool:
    """Whether a mark before white space ends a sentence, by what stands on either side of it."""
    after = _NEXT.match(text, match.end(), min(limit, match.end() + 100))
    following = (after[1] or "") if after else ""
    if following[:1].islower():
        return False
    if match["mark"] != ".":
        return True
    place = match.start("mark")
    before = _WORD_BEFORE.search(text, max(begin, place - 30), place)
    word = before[0] if before else ""
    plain = word.casefold()
    opener = following.casefold() in _OPENERS
    if plain in _BEFORE_A_NAME:
        return False
    if plain in _BEFORE_A_NUMBER:
        return not following[:1].isdigit()
    initial = len(word) == 1 and word.isupper()
    if initial or plain in _MAYBE or _ACRONYM.fullmatch(word):
        return opener or not following
    return True


def _open_quote(text: str, start: int, mark: int, end: int) -> int:
    """A straight quote behind a CJK mark closes only what this sentence opened; else the next one begins there."""
    closers = text[mark + 1 : end]
    place = min((closers.find(quote) for quote in "\"'" if quote in closers), default=-1)
    if place < 0:
        return end
    quote = closers[place]
    opened = text.count(quote, max(start, mark - LONGEST), mark) % 2
    return end if opened else mark + 1 + place


def _capped(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while end - start > LONGEST:
        cut = _cut(text, start)
        stop = cut
        while text[stop - 1].isspace():
            stop -= 1
        yield start, stop
        start = cut
        while start < end and text[start].isspace():
            start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield start, end


def _cut(text: str, start: int) -> int:
    """Where to cut a sentence that is too long: in its second half at a space, else at a pause, else between words."""
    window = text[start + LONGEST // 2 : start + LONGEST]
    match = _SPACE_NEAR_END.search(window) or _PAUSE_NEAR_END.search(window) or _SEAM_NEAR_END.search(window)
    return start + LONGEST // 2 + match.end() if match else start + LONGEST
