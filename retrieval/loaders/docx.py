"""Word documents: paragraphs, headings, lists and tables in document order, as Markdown-like lines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from retrieval.base import Parsed
from retrieval.errors import LoadFailed
from retrieval.loaders.lines import Lines
from retrieval.loaders.office import DAMAGE, WORD, check_package, damaged

if TYPE_CHECKING:
    from docx.document import Document

_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
# Deleted text, and properties (whose w:tab is a tab stop, not a tab).
_SKIPPED: Final = frozenset(
    [_FALLBACK, *(_W + name for name in ("del", "moveFrom", "pPr", "rPr", "tblPr", "trPr", "tcPr", "sectPr", "sdtPr"))]
)
_SIGNS: Final = {_W + "tab": "\t", _W + "noBreakHyphen": "-", _W + "softHyphen": ""}
_HEADING: Final = re.compile(r"heading ([1-9])|(title)", re.I)


def load_docx(path: Path, filename: str, media_type: str) -> Parsed:
    """Return headings as `# ...`, list items as `- ...`, table rows as `| a | b |`; tracked deletions are left out."""
    import docx
    from docx.opc.exceptions import PackageNotFoundError

    check_package(path, filename, WORD)
    try:
        document = docx.Document(str(path))
        text = _render(document)
        title = document.core_properties.title.strip()
    except (PackageNotFoundError, *DAMAGE) as error:
        raise damaged(filename, WORD, error) from error
    if not text.strip():
        raise LoadFailed(f"{filename!r} is empty: the document holds no text", "empty_file")
    return Parsed(text=text, title=title, media_type=media_type)


def _render(document: Document) -> str:
    """Walk the XML itself: it holds what the object model passes over (content controls, insertions, text boxes)."""
    names = {style.style_id: style.name or "" for style in document.styles}
    lines = Lines()
    stack: list[tuple[Any, bool]] = [(document.element.body, True)]
    while stack:
        node, enters = stack.pop()
        tag = node.tag
        if not enters:
            _leave(tag, lines)
        elif tag == _W + "t":
            lines.write(node.text or "")
        elif tag in _SIGNS:
            lines.write(_SIGNS[tag])
        elif tag in (_W + "br", _W + "cr"):
            lines.end_line()
        elif isinstance(tag, str) and tag not in _SKIPPED:
            _enter(node, names, lines)
            stack.append((node, False))
            stack.extend((child, True) for child in reversed(node))
    return lines.text()


def _enter(node: Any, names: dict[str, str], lines: Lines) -> None:
    if node.tag == _W + "p":
        mark = _mark(node, names)
        if mark == "- ":
            lines.end_line()
        else:
            lines.end_block()
        lines.mark(mark)
    elif node.tag == _W + "tbl":
        lines.open_table(data=next(node.iterdescendants(_W + "tbl"), None) is None)
    elif node.tag == _W + "tr":
        lines.open_row()
    elif node.tag == _W + "tc":
        lines.cell()


def _leave(tag: str, lines: Lines) -> None:
    if tag == _W + "p":
        lines.end_line()
    elif tag == _W + "tr":
        lines.close_row()
    elif tag == _W + "tbl":
        lines.close_table()


def _mark(paragraph: Any, names: dict[str, str]) -> str:
    properties = paragraph.find(_W + "pPr")
    if properties is None:
        return ""
    style = properties.find(_W + "pStyle")
    name = names.get(style.get(_W + "val"), "") if style is not None else ""
    if heading := _HEADING.fullmatch(name):
        return "#" * min(6, int(heading[1] or 1)) + " "
    listed = name.lower().startswith("list") or properties.find(_W + "numPr") is not None
    return "- " if listed else ""
