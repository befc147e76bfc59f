"""The text of an encyclopedia's page, as MediaWiki gives it out, without what is not read: headings, notes, markup."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

MOST_CHARS = 500_000
"""Of a page; the rest of a longer one is not seen."""

_TAG = re.compile(r"<(?:[a-zA-Z/!][^<>]*)>")
_HEADING = re.compile(r"^[ \t]*=+.*=+[ \t]*$", re.MULTILINE)
_FORMULA = re.compile(r"^.*\{\\displaystyle.*$", re.MULTILINE)
_NOTE = re.compile(r"\[(?:\d+|[a-z]|nb \d+|note \d+|citation needed|注 ?\d+|来源请求)\]")
_HIDDEN = re.compile(r"[\u200b-\u200f\u2060\ufeff\u00ad]")
_EMPTY = re.compile(r"\s?[(（][\s;,，；、]*[)）]")
_SKIPPED = {"script", "style", "table", "figure", "math", "noscript", "head", "title", "template"}
_VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
_BLOCKS = {"p", "div", "li", "ul", "ol", "dl", "dd", "dt", "br", "blockquote", "section", "h1", "h2", "h3", "h4", "h5"}
_CLASSES = re.compile(r"\b(?:reference|mw-editsection|navbox|infobox|hatnote|toc|noprint|mw-empty-elt)\b")


def cleaned(text: str) -> str:
    text = text[:MOST_CHARS]
    if _TAG.search(text):
        text = _without_tags(text)
    text = _HIDDEN.sub("", html.unescape(text)).replace("\u00a0", " ")
    text = _FORMULA.sub("", _HEADING.sub("", text))
    text = _EMPTY.sub("", _NOTE.sub("", text))
    return "\n".join(line for row in text.splitlines() if (line := " ".join(row.split())))


def _without_tags(text: str) -> str:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return "".join(reader.found)


class _Reader(HTMLParser):
    """Keeps the running text; what stands inside tables, notes and the like is left out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[tuple[str, bool]] = []
        """Tags that are open, and whether each is left out."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.found.append("\n")
        if tag in _VOID:
            return
        classes = next((value or "" for name, value in attrs if name == "class"), "")
        inside = bool(self._open) and self._open[-1][1]
        heading = tag in {"h1", "h2", "h3", "h4", "h5", "h6"}
        self._open.append((tag, inside or heading or tag in _SKIPPED or bool(_CLASSES.search(classes))))

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.found.append("\n")
        for place in range(len(self._open) - 1, -1, -1):
            if self._open[place][0] == tag:
                del self._open[place:]
                return

    def handle_data(self, data: str) -> None:
        if not (self._open and self._open[-1][1]):
            self.found.append(data)
