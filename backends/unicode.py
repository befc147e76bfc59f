"""Text that arrives in pieces of UTF-16.

Servers written in JavaScript, Java or C# cut answers between the two code units of an emoji and send each half as its
own JSON escape. Python reads such a half as a lone surrogate, which can be neither stored nor sent.
"""

from __future__ import annotations

import re

LONE = re.compile("[\ud800-\udfff]")


class SurrogateJoiner:
    """Puts halves back together across pieces; a half that stays alone becomes U+FFFD."""

    def __init__(self) -> None:
        self._high = ""

    def feed(self, text: str) -> str:
        text = self._high + text
        self._high = ""
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self._high = text[:-1], text[-1]
        return whole(text)

    def end(self) -> str:
        rest, self._high = self._high, ""
        return whole(rest)


def whole(text: str) -> str:
    """The text with surrogate pairs joined and lone surrogates replaced."""
    if LONE.search(text):
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
