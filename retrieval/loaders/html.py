"""HTML pages: what a reader sees, as Markdown-like lines; scripts, styles, navigation and hidden parts are left out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from retrieval.base import Parsed
from retrieval.errors import LoadFailed
from retrieval.loaders.charsets import codec_of
from retrieval.loaders.decode import decode
from retrieval.loaders.lines import Lines

if TYPE_CHECKING:
    from bs4 import Tag

LARGEST: Final = 20_000_000
"""Bytes; the tree takes some 70 times as much memory."""

_DECLARED: Final = re.compile(
    rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w:.-]{1,40})|<\?xml[^>]{0,200}?encoding=[\"']([\w:.-]{1,40})", re.I
)
_XML_DECLARATION: Final = re.compile(r"\A\s*<\?xml[^>]{0,500}\?>")

_DROPPED_TAGS: Final = """
head script style noscript template svg canvas iframe object audio video map nav button select textarea datalist
"""
_BLOCK_TAGS: Final = """
body main article section header footer aside div p h1 h2 h3 h4 h5 h6 blockquote figure figcaption pre hr center
address ul ol li dl dt dd table caption tr form fieldset details summary
"""
_DROPPED: Final = frozenset(_DROPPED_TAGS.split())
_BLOCKS: Final = frozenset(_BLOCK_TAGS.split())
_APART: Final = _BLOCKS - {"li", "tr", "dt", "dd", "div", "summary"}
_NOT_DATA: Final = ["table", "h1", "h2", "h3", "ul", "ol", "pre", "form"]
_HIDDEN: Final = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.I)


def load_html(path: Path, filename: str, media_type: str) -> Parsed:
    """Return headings as `# ...`, list items as `- ...`, table rows as `| a | b |`, paragraphs between blank lines."""
    from bs4 import BeautifulSoup

    data = path.read_bytes()
    if len(data) > LARGEST:
        raise LoadFailed(
            f"{filename!r} has {len(data)} bytes; HTML is read up to {LARGEST}: split it", "file_too_large"
        )
    markup = _XML_DECLARATION.sub("", decode(data, filename, _declared(data)))
    # The prefix keeps Beautiful Soup from warning about markup that looks like a file name or an address.
    soup = BeautifulSoup("<!doctype html>" + markup, "lxml")
    text = _render(soup)
    if not text:
        raise LoadFailed(f"{filename!r} is empty: the page shows no text without scripts", "empty_file")
    heading = soup.find("title") or soup.find("h1")
    return Parsed(text=text, title=" ".join(heading.get_text(" ").split()) if heading else "", media_type=media_type)


def _declared(data: bytes) -> str | None:
    match = _DECLARED.search(data[:4096])
    if match is None:
        return None
    return codec_of((match[1] or match[2]).decode("ascii"))


def _render(soup: Tag) -> str:
    """Walk the tree with a stack of our own: pages nest deeper than Python recurses."""
    from bs4 import Tag
    from bs4.element import CData, NavigableString

    lines = Lines()
    stack: list[tuple[object, bool]] = [(soup, True)]
    while stack:
        node, enters = stack.pop()
        if isinstance(node, Tag):
            if not enters:
                _leave(node, lines)
            elif not _invisible(node):
                _enter(node, lines)
                stack.append((node, False))
                stack.extend((child, True) for child in reversed(node.contents))
        elif type(node) in (NavigableString, CData):
            lines.write(str(node))
    return lines.text()


def _invisible(tag: Tag) -> bool:
    return (
        tag.name in _DROPPED
        or tag.has_attr("hidden")
        or tag.get("aria-hidden") == "true"
        or (tag.has_attr("style") and bool(_HIDDEN.search(str(tag["style"]))))
    )


def _enter(tag: Tag, lines: Lines) -> None:
    name = tag.name
    if name == "br":
        lines.end_line()
    elif name in ("td", "th"):
        lines.cell()
    elif name == "table":
        lines.open_table(data=tag.find(_NOT_DATA) is None)
    elif name == "tr":
        lines.open_row()
    elif name in _BLOCKS:
        lines.end_block() if name in _APART else lines.end_line()
        if name == "li":
            lines.mark("- ")
        elif name[0] == "h" and name[1:].isdigit():
            lines.mark("#" * int(name[1:]) + " ")
        elif name == "pre":
            lines.open_fence()


def _leave(tag: Tag, lines: Lines) -> None:
    name = tag.name
    if name == "tr":
        lines.close_row()
    elif name == "table":
        lines.close_table()
    elif name == "pre":
        lines.close_fence()
    elif name in _BLOCKS:
        lines.end_block() if name in _APART else lines.end_line()
