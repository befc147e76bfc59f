"""Word documents: paragraphs, headings, lists and tables in document order, as Markdown-like lines."""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from retrieval.base import Parsed
from retrieval.errors import LoadFailed
from retrieval.loaders.lines import Lines

if TYPE_CHECKING:
    from docx.document import Document

# A long report with pictures stays under 50 MB unpacked and under 30:1; XML that repeats itself reaches 1000:1.
LARGEST_UNPACKED: Final = 200_000_000
LARGEST_XML: Final = 50_000_000
MOST_ENTRIES: Final = 5_000
HIGHEST_RATIO: Final = 200
_SMALL: Final = 5_000_000

_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK: Final = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
# Deleted text, and properties (whose w:tab is a tab stop, not a tab).
_SKIPPED: Final = frozenset(
    [_FALLBACK, *(_W + name for name in ("del", "moveFrom", "pPr", "rPr", "tblPr", "trPr", "tcPr", "sectPr", "sdtPr"))]
)
_SIGNS: Final = {_W + "tab": "\t", _W + "noBreakHyphen": "-", _W + "softHyphen": ""}
_HEADING: Final = re.compile(r"heading ([1-9])|(title)", re.I)


# What zipfile, zlib and python-docx raise when a part is damaged, missing, encrypted or not the XML it should be.
_DAMAGE: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError,
    KeyError, IndexError, ValueError, AttributeError, TypeError, OSError,
)  # fmt: skip


def load_docx(path: Path, filename: str, media_type: str) -> Parsed:
    """Return headings as `# ...`, list items as `- ...`, table rows as `| a | b |`; tracked deletions are left out."""
    import docx
    from docx.opc.exceptions import PackageNotFoundError
    from lxml.etree import XMLSyntaxError

    check_package(path, filename)
    try:
        document = docx.Document(str(path))
        text = _render(document)
        title = document.core_properties.title.strip()
    except (PackageNotFoundError, XMLSyntaxError, *_DAMAGE) as error:
        raise LoadFailed(f"{filename!r} is a damaged Word document: {_reason(error)}", "invalid_file") from error
    if not text.strip():
        raise LoadFailed(f"{filename!r} is empty: the document holds no text", "empty_file")
    return Parsed(text=text, title=title, media_type=media_type)


def _reason(error: Exception) -> str:
    """In words of the document: what the libraries say names their own objects, or the path on the disk."""
    match error:
        case SyntaxError():
            return f"one of its XML parts is malformed: {' '.join(error.msg.split())[:200]}"
        case zipfile.BadZipFile() | zlib.error() | EOFError():
            return "its zip archive is broken or cut short"
        case NotImplementedError():
            return "its zip archive is packed in a way that Word does not use"
        case RuntimeError() if "encrypted" in str(error):
            return "it is encrypted; save it without a password"
        case KeyError():
            return "a part that the document refers to is missing"
        case OSError():
            return f"it cannot be read ({error.strerror or 'no reason given'})"
        case _:
            return "it is not a valid DOCX: its XML parts are not those of a Word document"


def check_package(path: Path, filename: str) -> None:
    """Look at the zip directory before anything is unpacked. Raises LoadFailed for what is no DOCX or would explode.

    A directory that understates a size does no harm: reading stops at the size it states.
    """
    try:
        with zipfile.ZipFile(path) as package:
            entries = package.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise LoadFailed(f"{filename!r} is a damaged Word document: {_reason(error)}", "invalid_file") from error
    names = {entry.filename for entry in entries}
    if "word/document.xml" not in names:
        raise LoadFailed(
            f"{filename!r} is a zip archive without word/document.xml, not a Word document", "invalid_file"
        )
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    xml = max((e.file_size for e in entries if e.filename.endswith((".xml", ".rels"))), default=0)
    if len(entries) > MOST_ENTRIES or len(names) < len(entries):
        raise LoadFailed(f"{filename!r} is refused: {len(entries)} parts, or parts named twice", "invalid_file")
    if unpacked > LARGEST_UNPACKED or xml > LARGEST_XML:
        raise LoadFailed(
            f"{filename!r} is refused: it unpacks to {unpacked} bytes (limit {LARGEST_UNPACKED}, {LARGEST_XML} for one "
            "XML part); split the document",
            "file_too_large",
        )
    if unpacked > _SMALL and unpacked > HIGHEST_RATIO * packed:
        raise LoadFailed(
            f"{filename!r} is refused: it unpacks from {packed} to {unpacked} bytes, as only a zip bomb does",
            "invalid_file",
        )


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
