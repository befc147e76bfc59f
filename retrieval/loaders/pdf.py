"""PDF documents through PDFium: the text layer, with the lines of a paragraph joined again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from retrieval.base import Parsed
from retrieval.errors import LoadFailed
from retrieval.loaders.reflow import reflow

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_NO_TITLE: Final = frozenset(["untitled", "(anonymous)", "(unspecified)"])
_DIVISION: Final = re.compile("[\x02\ufffe]\n?")
# Half of a surrogate pair (broken font tables), NUL, and what is no character at all.
_NO_CHARACTER: Final = re.compile("[\ud800-\udfff\x00\ufffe\uffff]")


def load_pdf(path: Path, filename: str, media_type: str) -> Parsed:
    """Return the pages' text, a blank line between pages. Raises LoadFailed (encrypted, damaged, no text layer)."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        raise _refused(filename, error) from error
    try:
        pages = list(_pages(document))
        title = " ".join(_clean(str(document.get_metadata_value("Title") or "")).split())
    except pypdfium2.PdfiumError as error:
        raise _refused(filename, error) from error
    finally:
        document.close()
    text = "\n\n".join(page for page in pages if page)
    if not text:
        raise LoadFailed(
            f"{filename!r} has no text layer ({len(pages)} pages of pictures or nothing); run OCR on it first",
            "invalid_file",
        )
    return Parsed(text=text, title="" if title.casefold() in _NO_TITLE else title, media_type=media_type)


def _refused(filename: str, error: Any) -> LoadFailed:
    reason = str(error)
    if "password" in reason.lower() or "security" in reason.lower():
        return LoadFailed(
            f"{filename!r} is encrypted: it needs a password; save it without one and upload it again", "invalid_file"
        )
    return LoadFailed(f"{filename!r} is a damaged PDF: {reason.rstrip('.')}", "invalid_file")


def _pages(document: PdfDocument) -> Iterator[str]:
    for number in range(len(document)):
        page = document[number]
        layer = page.get_textpage()
        yield reflow(_clean(layer.get_text_bounded())).strip()
        layer.close()
        page.close()


def _clean(text: str) -> str:
    """PDFium joins a line that ends in a hyphen to the next with U+0002 or U+FFFE: two lines again, for `reflow`."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _NO_CHARACTER.sub("", _DIVISION.sub("-\n", lines))
