"""Saying honestly that the sources do not say: the code word of `backends.base`, and the sentence a reader gets."""

from __future__ import annotations

import re

from backends.base import NO_ANSWER
from retrieval.scripts import shares

# What models put before the word: white space, quotation marks, Markdown emphasis, at most this much.
_BEFORE = re.compile(r"[\W_]{0,16}(?=[^\W_]|$)")
_LONGER_WORD = re.compile(r"_*[A-Z0-9]")

SENTENCES = {
    "en": "The sources searched do not answer this question.",
    "zh": "所检索的资料没有回答这个问题。",
}


def may_abstain(text: str) -> bool:
    """Whether the beginning of a reply may still turn out to be the code word, so that it must not be shown yet."""
    word = _word(text)
    return word is not None and (NO_ANSWER.startswith(word) or abstains(text))


def abstains(text: str) -> bool:
    """Whether a reply opens with the code word. An explanation after it is not for the reader: it was not asked for."""
    word = _word(text)
    return word is not None and word.startswith(NO_ANSWER) and not _LONGER_WORD.match(word, len(NO_ANSWER))


def sentence(question: str) -> str:
    """The honest sentence in Chinese for a Chinese question, else in English."""
    return SENTENCES["zh" if chinese(question) else "en"]


def chinese(text: str) -> bool:
    scripts = shares(text)
    return scripts.get("Han", 0) >= 0.3 and not scripts.get("Kana") and not scripts.get("Hangul")


def _word(text: str) -> str | None:
    """The reply from its first word on, in capitals, without Markdown's backslashes; None: it opens otherwise."""
    before = _BEFORE.match(text)
    return text[before.end() :].replace("\\", "").upper() if before else None
