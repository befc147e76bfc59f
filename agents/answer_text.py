"""Reading the answer out of a text that reasons, and comparing answers."""

from __future__ import annotations

import re
import unicodedata

_MARKER = re.compile(r"(?:the answer is|answer\s*[:：]|答案(?:是|为)?\s*[:：]?)", re.IGNORECASE)
_NUMBER = re.compile(r"[-−]?\d[\d,]*(?:\.\d+)?")


def after_marker(text: str) -> str:
    """What stands after the last `The answer is` (or `Answer:`, `答案是`), to the end of its line; empty if nothing."""
    found = _MARKER.split(text)
    if len(found) < 2:
        return ""
    line = found[-1].strip().split("\n")[0].strip()
    return line.rstrip(".。!！ ").strip('*`"“”$ ').lstrip(":： ")


def normalised(answer: str) -> str:
    """The answer for comparison: NFKC, case folded, white space closed up, `1,234.50` as `1234.5`, no final stop."""
    text = " ".join(unicodedata.normalize("NFKC", answer).casefold().split()).strip(" .。!！\"'`*$")
    return number(text) if _NUMBER.fullmatch(text) else text


def number(text: str) -> str:
    plain = text.replace(",", "").replace("−", "-")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def first_number(text: str) -> str:
    """The first number in a text, normalised; empty if it has none."""
    found = _NUMBER.search(unicodedata.normalize("NFKC", text))
    return number(found[0]) if found else ""


def last_number(text: str) -> str:
    """The last number in a text, normalised; empty if it has none."""
    found = _NUMBER.findall(unicodedata.normalize("NFKC", text))
    return number(found[-1]) if found else ""
