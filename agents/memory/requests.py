"""`Forget that I live in Rome`: whether a message asks for something to be forgotten, what, and what else it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from retrieval.sentences import sentences

_ASKING = (
    r"(?:please[,]?\s+|(?:can|could|would|will)\s+you\s+(?:please\s+)?|"
    r"i(?:\s+want|\s+need|'d\s+like|\s+would\s+like)\s+you\s+to\s+)?"
)
_ENGLISH = re.compile(
    rf"{_ASKING}forget\s+(?:(?:(?:that|about|what\s+i\s+(?:said|told\s+you)(?:\s+about)?|everything\s+about)\s+)+"
    r"|(?=my\s|our\s))(?P<what>.+)",
    re.IGNORECASE | re.DOTALL,
)
_CHINESE = re.compile(
    r"(?:请|請|麻烦你?|麻煩你?|你?可以|帮我|幫我)*\s*你?"
    r"(?:忘了|忘掉|忘记|忘記|(?:不要|别|別)(?:再)?(?:记得|記得|记住|記住))\s*"
    r"(?:关于|關於|我说过的?|我說過的?|我告诉过你的?|我告訴過你的?)?[，,：:]?\s*(?P<what>.+?)(?:这件事|這件事|的事)?吧?",
    re.DOTALL,
)
_POINTS = re.compile(
    rf"{_ASKING}forget(?:\s+(?:about\s+)?(?:it|this|that|them|me|everything|all|all\s+of\s+it))?"
    r"|(?:请|請)?(?:忘了|忘掉|忘记|忘記)(?:它|这个?|這個?|这些|這些|我|一切|吧)*",
    re.IGNORECASE,
)
"""Asks for it, and names nothing that could be found."""
_GREETING = re.compile(r"(?:hi|hello|hey|ok|okay|well|sorry|你好|您好|嗨|好的?|对不起)\s*[,，、]\s*", re.IGNORECASE)
_AND_THEN = re.compile(
    r"\s*(?:[,;]\s*(?:and|but|then)\s+(?:please\s+)?(?:remember\s+(?:that\s+)?)?"
    r"|[，；]\s*(?:然后|然後|但是?|不过|不過)?(?:请|請)?(?:记住|記住)?)",
    re.IGNORECASE,
)
_ENDS = " \t\n.!?。！？"


def to_forget(message: str) -> str:
    """What is to be forgotten; empty if no sentence of the message names anything."""
    asked = (_asked(sentence) for sentence in _sentences(message))
    return next((one.what for one in asked if one is not None and one.what), "")


def remaining(message: str) -> str:
    """What the message says besides asking for something to be forgotten: what may be remembered of it."""
    read = [(sentence, _asked(sentence)) for sentence in _sentences(message)]
    if not any(asked for _, asked in read):
        return message
    said = [sentence if asked is None else asked.rest for sentence, asked in read]
    return "\n".join(one for one in said if one)


class Asked(NamedTuple):
    what: str
    """Empty where it names nothing that could be found: `forget it`."""
    rest: str
    """What the sentence goes on to say."""


def _asked(sentence: str) -> Asked | None:
    bare = _GREETING.sub("", sentence, count=1).strip(_ENDS) if _GREETING.match(sentence) else sentence.strip(_ENDS)
    if _POINTS.fullmatch(bare):
        return Asked("", "")
    found = _ENGLISH.fullmatch(bare) or _CHINESE.fullmatch(bare)
    if found is None:
        return None
    what, *rest = _AND_THEN.split(found["what"], maxsplit=1)
    return Asked(what.strip(_ENDS), " ".join(rest).strip())


def _sentences(message: str) -> Iterator[str]:
    for span in sentences(message):
        if one := message[span.start : span.end].strip():
            yield one
