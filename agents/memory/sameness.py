"""When two statements are the same, and when two facts are about the same.

Nearness cannot tell: `My flight is at 9` and `My flight is at 10` have a cosine of .97 with the bundled embedder, and
what differs in one word or in the order of the words is what a correction consists of: `I prefer tea to coffee`. So
the same is what has the same words in the same order. What is kept twice can be told twice; what is merged wrongly is
lost.
"""

from __future__ import annotations

import re
import unicodedata

from retrieval.analysis import terms

_CONTRACTED = (
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"\bcannot\b"), "can not"),
    (re.compile(r"'m\b"), " am"),
    (re.compile(r"'re\b"), " are"),
    (re.compile(r"'ve\b"), " have"),
    (re.compile(r"'ll\b"), " will"),
)
# Marks inside of a word or a number (3.5, Ann's, -5) are part of it.
_MARKS = re.compile(r"[\"“”«»「」『』()]|(?<!\w)'|'(?!\w)|[.,;:!?…。、]+(?!\w)")
_ARTICLES = frozenset(("a", "an", "the"))
_OF = re.compile(r"\s+of\s+", re.IGNORECASE)


def wording(text: str) -> str:
    """Equal for statements of the same words in the same order: case, blanks, width, marks between words, articles and
    short forms (`I'm`) aside."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'").replace("‘", "'")
    for short, whole in _CONTRACTED:
        plain = short.sub(whole, plain)
    words = [word for word in _MARKS.sub(" ", plain).split() if word not in _ARTICLES]
    return " ".join(words) or " ".join(text.split())


def subject_key(subject: str) -> str:
    """Equal for subjects of the same words: `Ada's home city`, `the home city of Ada`; not `Ann's debt to Tom` and
    `Tom's debt to Ann`."""
    return " ".join(terms(" ".join(reversed(_OF.split(subject))))) or wording(subject)
