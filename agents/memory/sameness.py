"""When two texts say the same, and when two facts are about the same.

Nearness alone cannot tell: `My flight is at 9` and `My flight is at 10` have a cosine of .97 with the bundled embedder,
and `I like tea` is near `I do not like tea`. So a near-duplicate has to share its terms, all its numbers and its
negations as well.
"""

from __future__ import annotations

import re

from retrieval.analysis import terms

NEAR = 0.9
"""The least cosine of a near-duplicate."""
SHARED = 0.75
"""The least share of the terms of both that both have; alone, without a cosine, it has to be all of them."""
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_NOT = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|cannot|without)\b|n[’']t\b"
    r"|[不没無无別别未莫]|ない|ません|않|안 ",
    re.IGNORECASE,
)


def plain(text: str) -> str:
    """Equal for texts that differ in case, blanks and closing marks only."""
    return " ".join(text.casefold().split()).strip(" .!。！…")


def subject_key(subject: str) -> str:
    """Equal for subjects of the same words: `Ada's home city`, `home city of Ada`."""
    return " ".join(sorted(set(terms(subject)))) or plain(subject)


def says_the_same(one: str, other: str, cosine: float | None) -> bool:
    """`cosine`: of the two; None: nobody has measured it."""
    if plain(one) == plain(other):
        return True
    if cosine is not None and cosine < NEAR:
        return False
    if _NUMBER.findall(one) != _NUMBER.findall(other) or len(_NOT.findall(one)) != len(_NOT.findall(other)):
        return False
    ours, theirs = set(terms(one)), set(terms(other))
    if not ours or not theirs:
        return False
    shared = len(ours & theirs) / len(ours | theirs)
    return shared == 1.0 if cosine is None else shared >= SHARED
