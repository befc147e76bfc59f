"""Joins the lines of a page into paragraphs: a page knows where a line ends, not why."""

from __future__ import annotations

import re
from typing import Final

from retrieval.scripts import CJK

_WIDE: Final = re.compile(rf"[{CJK}\u3000-\u303f\uff01-\uff60]")
_MARK: Final = re.compile(
    r"(?:[-*•‣▪◦·–]|[(（]?\d{1,3}[.)）、]|[(（][a-z一二三四五六七八九十]+[)）])\s|第[一二三四五六七八九十百\d]+[章节條条]|[一二三四五六七八九十]+、"
)
_ENDED: Final = re.compile(r"[.!?:。！？：；…][\"'”’」』）)\]]*\Z")
_DIVIDED: Final = re.compile(r"(?<=[^\W\d_])[-\u00ad\u2010]\Z")


def reflow(text: str) -> str:
    """Return one line per paragraph as far as line lengths show them; words divided at a line's end are whole again."""
    found: list[str] = []
    lines = [line.strip() for line in text.split("\n")]
    # Not the widest: one long table row or title would make every line look short.
    widths = sorted(_width(line) for line in lines if line)
    width = widths[-1 - len(widths) // 10] if widths else 0
    parts: list[str] = []
    before = ""
    for line in lines:
        if parts and not _goes_on(before, line, width):
            found.append("".join(parts))
            parts = []
        if line:
            parts.append(line if not parts else _joint(parts, line) + line)
        elif found and found[-1]:
            found.append("")
        before = line
    return "\n".join([*found, "".join(parts)]).strip("\n")


def _joint(parts: list[str], line: str) -> str:
    """What goes between the line before (the last of `parts`, mended in place) and this one."""
    last = parts[-1]
    if _DIVIDED.search(last) and line[0].islower():
        parts[-1] = last[:-1]
        return ""
    if last.endswith("-") and not last.endswith(" -"):
        return ""
    return "" if _WIDE.match(last[-1]) and _WIDE.match(line[0]) else " "


def _goes_on(before: str, line: str, width: int) -> bool:
    """Whether `line` goes on with the paragraph: the line before was full, or ends in the middle of a word."""
    if not before or not line or _MARK.match(line):
        return False
    if _DIVIDED.search(before) or line[0].islower():
        return True
    return _width(before) >= (0.85 if _ENDED.search(before) else 0.7) * width


def _width(line: str) -> int:
    return len(line) + len(_WIDE.findall(line))
