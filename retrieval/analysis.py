"""From text to the terms of lexical search: the same for documents and for queries.

Latin words are folded (width, case, accents) and stemmed, numbers compared by value as they are written (1,200 = 1200,
6½ = 6.5), Chinese cut into words by a dictionary and, beside that, into pairs of characters, so that a word which the
dictionary cuts differently in question and document is still found. Kana, Hangul and other scripts that do not set
words apart by spaces become pairs of characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from threading import Lock
from typing import Final

from retrieval.scripts import CJK

# Thai, Lao, Burmese and Khmer do not set words apart either.
_UNSPACED: Final = CJK + "\u0e01-\u0e4e\u0e81-\u0ece\u1000-\u104f\u1780-\u17d3"
# Vowel signs and accents belong to their word though \w leaves them out.
_MARKS: Final = "\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0963\u0981-\u0dff"
_LETTER: Final = rf"(?:[^\W_{_UNSPACED}]|[{_MARKS}])"
_PIECE: Final = re.compile(
    rf"""
      (?P<run>[{_UNSPACED}]+)
    | (?:\d+[.,])*{_LETTER}+(?:['’.,&-]{_LETTER}+){{0,7}}(?:\+\+|\#)?   # joined: u.s. r&d e-mail 1,200 c++
    """,
    re.VERBOSE,
)
"""
