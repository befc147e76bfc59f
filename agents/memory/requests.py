"""`Forget that I live in Rome`: whether a message asks for something to be forgotten, and what."""

from __future__ import annotations

import re

_ENGLISH = re.compile(
    r"^\s*(?:please[,]?\s+|(?:can|could|would|will)\s+you\s+(?:please\s+)?)?forget\s+"
    r"(?:(?:that|about|what\s+i\s+(?:said|told\s+you)(?:\s+about)?|everything\s+about)\s+)+(?P<what>.+?)\s*[.!?]*\s*$",
    re.IGNORECASE | re.DOTALL,
)
_CHINESE = re.compile(
    r"^\s*(?:请|麻烦你?|你?可以)?\s*(?:你)?(?:忘了|忘掉|忘记|不要记得|别记得|不要再记住|别再记住)\s*(?:关于|我说过的?|我告诉过你的?)?"
    r"[，,：:]?\s*(?P<what>.+?)(?:这件事|的事)?(?:吧)?\s*[。！!？?]*\s*$",
    re.DOTALL,
)


def to_forget(message: str) -> str:
    """What is to be forgotten; empty if the message asks for nothing of the kind."""
    found = _ENGLISH.match(message) or _CHINESE.match(message)
    return found["what"] if found is not None else ""
