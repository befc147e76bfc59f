"""Office documents are zip archives of XML: checked before they are unpacked, their damage told in plain words."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retrieval.errors import LoadFailed

# A long report with pictures stays under 50 MB unpacked and under 30:1; XML that repeats itself reaches 1000:1.
LARGEST_UNPACKED: Final = 200_000_000
LARGEST_XML: Final = 50_000_000
MOST_ENTRIES: Final = 5_000
HIGHEST_RATIO: Final = 200
_SMALL: Final = 5_000_000

# What zipfile, zlib and the readers raise when a part is damaged, missing, encrypted or not the XML it should be.
DAMAGE: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError,
    KeyError, IndexError, ValueError, AttributeError, TypeError, OSError, SyntaxError, AssertionError,
)  # fmt: skip


@dataclass(frozen=True)
class Office:
    """One kind of package; `words` as in "a damaged Word document"."""

    words: str
    short: str
    program: str
    main_part: str
    largest_xml: int = LARGEST_XML
    """Bytes of one part: it is held as a tree, which takes some ten times as much; a sheet is read row by row."""


WORD: Final = Office("Word document", "DOCX", "Word", "word/document.xml")
POWERPOINT: Final = Office("PowerPoint presentation", "PPTX", "PowerPoint", "ppt/presentation.xml")
EXCEL: Final = Office("Excel workbook", "XLSX", "Excel", "xl/workbook.xml", largest_xml=LARGEST_UNPACKED)


def damaged(filename: str, office: Office, error: Exception) -> LoadFailed:
    return LoadFailed(f"{filename!r} is a damaged {office.words}: {_reason(error, office)}", "invalid_file")


def _reason(error: Exception, office: Office) -> str:
    """In words of the document: what the libraries say names their own objects, or the path on the disk."""
    match error:
        case SyntaxError():
            return f"one of its XML parts is malformed: {' '.join(str(error.msg).split())[:200]}"
        case zipfile.BadZipFile() | zlib.error() | EOFError():
            return "its zip archive is broken or cut short"
        case NotImplementedError():
            return f"its zip archive is packed in a way that {office.program} does not use"
        case RuntimeError() if "encrypted" in str(error):
            return "it is encrypted; save it without a password"
        case KeyError():
            return "a part that the document refers to is missing"
        case OSError():
            return f"it cannot be read ({error.strerror or 'no reason given'})"
        case _:
            return f"it is not a valid {office.short}: its XML parts are not those of {_article(office.words)}"


def _article(words: str) -> str:
    return f"an {words}" if words[0] in "AEIOU" else f"a {words}"


def check_package(path: Path, filename: str, office: Office) -> None:
    """Look at the zip directory before anything is unpacked. Raises LoadFailed for another package or one that would
    explode.

    A directory that understates a size does no harm: reading stops at the size it states.
    """
    try:
        with zipfile.ZipFile(path) as package:
            entries = package.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise damaged(filename, office, error) from error
    names = {entry.filename for entry in entries}
    if office.main_part not in names:
        raise LoadFailed(
            f"{filename!r} is a zip archive without {office.main_part}, not {_article(office.words)}", "invalid_file"
        )
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    xml = max((e.file_size for e in entries if e.filename.endswith((".xml", ".rels"))), default=0)
    if len(entries) > MOST_ENTRIES or len(names) < len(entries):
        raise LoadFailed(f"{filename!r} is refused: {len(entries)} parts, or parts named twice", "invalid_file")
    if unpacked > LARGEST_UNPACKED or xml > office.largest_xml:
        raise LoadFailed(
            f"{filename!r} is refused: it unpacks to {unpacked} bytes (limit {LARGEST_UNPACKED}, {office.largest_xml} "
            "for one XML part); split the document",
            "file_too_large",
        )
    if unpacked > _SMALL and unpacked > HIGHEST_RATIO * packed:
        raise LoadFailed(
            f"{filename!r} is refused: it unpacks from {packed} to {unpacked} bytes, as only a zip bomb does",
            "invalid_file",
        )
