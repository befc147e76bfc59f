"""What chunks are put together from: sentences, and pieces of sentences that are longer than a chunk."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from retrieval.blocks import Block, blocks
from retrieval.scripts import CJK
from retrieval.sentences import within

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# How good it is to cut before an atom, worst first.
AFTER_A_HEADING: Final = 0
INSIDE: Final = 1
SENTENCE: Final = 2
PARAGRAPH: Final = 3
HEADING: Final = 4

# Text of few tokens (unknown words, invisible characters, long gaps) counts by its length, so that a chunk is never
# more than this many characters a token; prose has 3 to 5, one [UNK] at most 100.
_WIDEST: Final = 100
_PAUSE: Final = re.compile(r"[，、；：,;:\n]")
_CJK: Final = re.compile(f"[{CJK}]")


class Atom(NamedTuple):
    start: int
    end: int
    weight: int
    """Tokens, or more for text that hardly has any."""
    boundary: int


Place = tuple[int, int, int]
"""Start, end, and how good it is to cut before it."""


def sentences(text: str) -> Iterator[Place]:
    """The places of prose: sentences, which no block of the text crosses."""
    for block, boundary in _rated(blocks(text)):
        for n, (start, end) in enumerate(within(text, block)):
            yield start, end, boundary if n == 0 else SENTENCE


def atoms(text: str, found: Iterator[Place], spans: Any, size: int) -> list[Atom]:
    """Return the atoms of `text` in order, none heavier than `size`; `spans`: (n, 2) starts and ends of its tokens."""
    import numpy as np

    places = list(found)
    if not places:
        return []
    tokens = np.asarray(spans, dtype=np.int64).reshape(-1, 2)
    low = np.searchsorted(tokens[:, 1], [start for start, _, _ in places], side="right").tolist()
    high = np.searchsorted(tokens[:, 0], [end for _, end, _ in places], side="left").tolist()
    made: list[Atom] = []
    behind = 0
    for (start, end, boundary), i, k in zip(places, low, high, strict=True):
        if k - i <= size:
            made.append(_atom(start, end, k - i, boundary, behind, size))
        else:
            made += _pieces(text, start, end, tokens[i:k], size, boundary)
        behind = end
    return made


def _rated(found: Iterator[Block]) -> Iterator[tuple[Block, int]]:
    after_heading = False
    for block in found:
        if after_heading:
            yield block, AFTER_A_HEADING
        elif block.kind == "heading":
            yield block, HEADING
        else:
            yield block, PARAGRAPH if block.opens else SENTENCE
        after_heading = block.kind == "heading"


def _atom(start: int, end: int, tokens: int, boundary: int, behind: int, size: int) -> Atom:
    return Atom(start, end, min(max(tokens, (end - behind) // _WIDEST), size), boundary)


def _pieces(text: str, start: int, end: int, tokens: NDArray[np.int64], size: int, boundary: int) -> Iterator[Atom]:
    """Cut a sentence of more than `size` tokens in pieces of about an eighth of it, so that overlaps can be had."""
    rows = tokens.tolist()
    rows[0][0], rows[-1][1] = start, end
    i = 0
    while i < len(rows):
        k = _cut(text, rows, i, size)
        stop = end if k == len(rows) else rows[k][0]
        while text[stop - 1].isspace():
            stop -= 1
        yield _atom(rows[i][0], stop, k - i, boundary if i == 0 else INSIDE, rows[i][0], size)
        i = k


def _cut(text: str, rows: list[list[int]], i: int, size: int) -> int:
    """The row behind the next piece: at a pause, else between words, else (a word longer than a chunk) anywhere."""
    step = max(1, size // 8)
    if len(rows) - i <= step:
        return len(rows)
    clean = [k for k in range(i + 1, i + step + 1) if _between_words(text, rows, k)]
    pauses = [k for k in clean if k > i + step // 2 and _PAUSE.search(text, rows[k - 1][0], rows[k][0])]
    if clean:
        return pauses[-1] if pauses else clean[-1]
    top = min(i + size, len(rows) - 1)
    for k in range(i + step + 1, top + 1):
        if _between_words(text, rows, k):
            return k
    if len(rows) - i <= size:
        return len(rows)
    while top > i + 1 and rows[top][0] < rows[top - 1][1]:
        top -= 1
    return top


def _between_words(text: str, rows: list[list[int]], k: int) -> bool:
    place = rows[k][0]
    return rows[k - 1][1] <= place and (_parts(text[place - 1]) or _parts(text[place]))


def _parts(character: str) -> bool:
    """Whether a tokenizer ends a word at this character: white space, punctuation and CJK stand alone."""
    if character.isascii():
        return not character.isalnum()
    return bool(unicodedata.category(character)[0] in "PZ" or _CJK.match(character))
