"""`Forget that I live in Rome`: whether a message asks for something to be forgotten, what, and what else it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from retrieval.sentences import sentences

_ASKING = (
    r"(?:please[,]?\s+|(?P<may>(?:can|could)\s+you\s+(?:please\s+)?|(?:would|will)\s+you\s+please\s+)|"
    r"i(?:\s+want|\s+need|'d\s+like|\s+would\s+like)\s+you\s+to\s+)?"
)
_ENGLISH = re.compile(
    rf"{_ASKING}forget\s+(?:(?:(?:that|about|what\s+i\s+(?:said|told\s+you)(?:\s+about)?|everything\s+about)\s+)+"
    r"|(?=my\s|our\s))(?P<what>.+)",
    re.IGNORECASE | re.DOTALL,
)
_CHINESE = re.compile(
    r"(?P<asked>(?P<may>你?(?:可不可以|能不能|可以|能)(?:请|請)?)|(?:请|請|麻烦|麻煩|帮我|幫我|我(?:想|要|希望)你?)你?)*\s*"
    r"(?P<verb>忘了|忘掉|忘记|忘記|(?:不要|别|別)(?:再)?(?:记得|記得|记住|記住))\s*"
    r"(?P<of>关于|關於|我说过的?|我說過的?|我告诉过你的?|我告訴過你的?)?[，,：:]?\s*"
    r"(?P<what>.+?)(?:这件事|這件事|的事)?(?P<please>吧)?(?:好吗|好嗎|可以吗|可以嗎|行吗|行嗎|吗|嗎)?",
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
_QUESTION = re.compile(r"[?？][\s!！.。\"'”’」』)）]*$|(?:吗|嗎|么|呢|没有?|沒有?)[\s!！.。]*$")
_DONE = re.compile(r"[了过過]$")
"""`忘记我的生日了`: somebody forgot it."""


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
    """A question asks for nothing, but for one whether it could be done: what is erased does not come back."""
    bare = _GREETING.sub("", sentence, count=1).strip(_ENDS) if _GREETING.match(sentence) else sentence.strip(_ENDS)
    asks = _QUESTION.search(sentence) is not None
    if _POINTS.fullmatch(bare):
        return None if asks else Asked("", "")
    found = _ENGLISH.fullmatch(bare) or _in_chinese(bare)
    if found is None or (asks and not found["may"]):
        return None
    what, *rest = _AND_THEN.split(found["what"], maxsplit=1)
    return Asked(what.strip(_ENDS), " ".join(rest).strip())


def _in_chinese(bare: str) -> re.Match[str] | None:
    """`忘了带伞` and `你忘记我的名字了` tell what was forgotten; without a word that asks, `忘记我...` does."""
    found = _CHINESE.fullmatch(bare)
    if found is None or (found["asked"] is None and found["please"] is None and not _orders(found)):
        return None
    return found


def _orders(found: re.Match[str]) -> bool:
    if found["verb"] == "忘了" or _DONE.search(found["what"]):
        return False
    return bool(found["of"]) or found["what"].startswith(("我", "那", "这", "這")) or found["verb"][0] in "不别別"


def _sentences(message: str) -> Iterator[str]:
    for span in sentences(message):
        if one := message[span.start : span.end].strip():
            yield one
