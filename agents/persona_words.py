"""Whether a word stands in a text: without regard to case and width, whole words where a script has blanks."""

from __future__ import annotations

import re
import unicodedata

from retrieval.scripts import CJK


def plain(text: str) -> str:
    """For comparison."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().replace("’", "'").split())


def stands(word: str, text: str) -> bool:
    """Both `plain`. A word of Chinese, Japanese or Korean is found anywhere."""
    if not word:
        return False
    if re.search(f"[{CJK}]", word):
        return word in text
    return re.search(rf"(?<![^\W{CJK}]){re.escape(word)}(?![^\W{CJK}])", text) is not None
