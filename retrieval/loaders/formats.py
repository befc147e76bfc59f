"""What a file is: by its name, and by its first bytes."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Literal

from retrieval.errors import LoadFailed

Loader = Literal["text", "markdown", "html", "pdf", "docx", "pptx", "xlsx", "csv", "json", "jsonl"]


@dataclass(frozen=True)
class Format:
    loader: Loader
    media_type: str
    words: str
    """For messages: "a PDF"."""

    @property
    def risky(self) -> bool:
        """Read by a parser written in C, or one that a file can make work long: not in the server's process."""
        return self.loader not in ("text", "markdown")

    @property
    def office(self) -> bool:
        return self.loader in ("docx", "pptx", "xlsx")


PDF: Final = Format("pdf", "application/pdf", "a PDF")
DOCX: Final = Format(
    "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "a Word document"
)
PPTX: Final = Format(
    "pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation", "a PowerPoint presentation"
)
XLSX: Final = Format("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "an Excel workbook")
_PARTS: Final = {"word/document.xml": DOCX, "ppt/presentation.xml": PPTX, "xl/workbook.xml": XLSX}
_MARKDOWN: Final = Format("markdown", "text/markdown", "Markdown")
_HTML: Final = Format("html", "text/html", "HTML")
_TEXT: Final = Format("text", "text/plain", "text")


def _text(media_type: str) -> Format:
    return Format("text", media_type, "text")


_JSON: Final = Format("json", "application/json", "JSON")
_JSON_LINES: Final = Format("jsonl", "application/jsonl", "JSON lines")
_JAVASCRIPT: Final = _text("text/javascript")
_TYPESCRIPT: Final = _text("application/typescript")
_CPP: Final = _text("text/x-c++")
_SHELL: Final = _text("application/x-sh")

FORMATS: Final[dict[str, Format]] = {
    ".pdf": PDF,
    ".docx": DOCX,
    ".md": _MARKDOWN, ".markdown": _MARKDOWN, ".mkd": _MARKDOWN,
    ".html": _HTML, ".htm": _HTML, ".xhtml": _HTML,
    ".pptx": PPTX, ".pptm": PPTX, ".xlsx": XLSX, ".xlsm": XLSX,
    ".csv": Format("csv", "text/csv", "CSV"), ".tsv": Format("csv", "text/tab-separated-values", "TSV"),
    ".json": _JSON, ".geojson": _JSON, ".jsonl": _JSON_LINES, ".ndjson": _JSON_LINES,
    ".txt": _TEXT, ".text": _TEXT, ".log": _TEXT, ".rst": _TEXT, ".adoc": _TEXT, ".org": _TEXT, ".srt": _TEXT,
    ".tex": _text("text/x-tex"), ".bib": _text("text/x-bibtex"),
    ".yaml": _text("application/yaml"), ".yml": _text("application/yaml"), ".toml": _text("application/toml"),
    ".ini": _text("text/x-ini"), ".cfg": _text("text/x-ini"), ".conf": _text("text/x-ini"),
    ".properties": _text("text/x-java-properties"), ".xml": _text("application/xml"), ".css": _text("text/css"),
    ".sql": _text("application/sql"), ".py": _text("text/x-python"), ".pyi": _text("text/x-python"),
    ".js": _JAVASCRIPT, ".mjs": _JAVASCRIPT, ".cjs": _JAVASCRIPT, ".jsx": _JAVASCRIPT,
    ".ts": _TYPESCRIPT, ".tsx": _TYPESCRIPT, ".vue": _text("text/x-vue"), ".svelte": _text("text/x-svelte"),
    ".java": _text("text/x-java"), ".kt": _text("text/x-kotlin"), ".kts": _text("text/x-kotlin"),
    ".scala": _text("text/x-scala"), ".groovy": _text("text/x-groovy"), ".swift": _text("text/x-swift"),
    ".c": _text("text/x-c"), ".h": _text("text/x-c"), ".cpp": _CPP, ".cc": _CPP, ".cxx": _CPP, ".hpp": _CPP,
    ".hh": _CPP, ".cs": _text("text/x-csharp"), ".go": _text("text/x-golang"), ".rs": _text("text/x-rust"),
    ".rb": _text("text/x-ruby"), ".php": _text("text/x-php"), ".pl": _text("text/x-perl"), ".lua": _text("text/x-lua"),
    ".r": _text("text/x-r"), ".jl": _text("text/x-julia"), ".hs": _text("text/x-haskell"),
    ".ex": _text("text/x-elixir"), ".dart": _text("text/x-dart"), ".sh": _SHELL, ".bash": _SHELL, ".zsh": _SHELL,
    ".ps1": _text("text/x-powershell"), ".proto": _text("text/x-protobuf"), ".graphql": _text("text/x-graphql"),
    ".tf": _text("text/x-terraform"),
}  # fmt: skip

_KNOWN_UNSUPPORTED: Final = """
.png .jpg .jpeg .gif .webp .bmp .tif .tiff .ico .heic .svgz .mp3 .wav .flac .ogg .m4a .mp4 .mov .avi .mkv .webm
.zip .gz .tgz .bz2 .xz .7z .rar .tar .zst .exe .dll .so .dylib .bin .iso .class .jar .pyc .whl .sqlite .db
.doc .rtf .odt .xls .xlsb .ods .ppt .ppsx .potx .odp .key .numbers .epub .mobi .pages
.parquet .npy .npz .pkl .pt .onnx .ttf .otf
"""
_UNSUPPORTED: Final = frozenset(_KNOWN_UNSUPPORTED.split())

_SIGNATURES: Final = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), "a PNG image"),
    (re.compile(rb"\xff\xd8\xff"), "a JPEG image"),
    (re.compile(rb"GIF8[79]a"), "a GIF image"),
    (re.compile(rb"RIFF.{4}WEBP", re.S), "a WebP image"),
    (re.compile(rb"RIFF.{4}(?:WAVE|AVI )", re.S), "a sound or film file"),
    (re.compile(rb"(?:II\*\0|MM\0\*)"), "a TIFF image"),
    (re.compile(rb"BM.{4}\0\0\0\0", re.S), "a BMP image"),
    (re.compile(rb".{4}ftyp", re.S), "a film file"),
    (re.compile(rb"(?:ID3[\x02-\x04]|OggS\0|fLaC)"), "a sound file"),
    (re.compile(rb"\x1f\x8b\x08"), "a gzip archive"),
    (re.compile(rb"(?:BZh[1-9]1AY|\xfd7zXZ\0|7z\xbc\xaf\x27\x1c|Rar!\x1a\x07|\x28\xb5\x2f\xfd)"), "an archive"),
    (re.compile(rb".{257}ustar", re.S), "a tar archive"),
    (re.compile(rb"\x7fELF"), "a program"),
    (re.compile(rb"MZ(?=.{0,254}\0)", re.S), "a Windows program"),
    (re.compile(rb"(?:\xca\xfe\xba\xbe|\xcf\xfa\xed\xfe|\xfe\xed\xfa)"), "a program"),
    (re.compile(rb"SQLite format 3\0"), "an SQLite database"),
    (re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an old or encrypted Office document"),
    (re.compile(rb"\{\\rtf"), "an RTF document"),
    (re.compile(rb"PAR1"), "a Parquet table"),
)
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
# Readers of PDF look for the header in the first kilobyte (ISO 32000, implementation notes).
_HEAD: Final = 1024


def identify(path: Path, filename: str) -> Format:
    """Return how to load the file: its extension decides, its content must agree. Raises LoadFailed.

    A name without a known extension is loaded by its content: PDF, Word, PowerPoint, Excel, else text.
    """
    suffix = PurePosixPath(filename.replace("\\", "/")).suffix.lower()
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise LoadFailed(f"{filename!r} is empty: 0 bytes", "empty_file")
    if suffix in _UNSUPPORTED:
        raise LoadFailed(
            f"{filename!r}: {suffix} files are not supported; supported are {_supported()}", "unsupported_file"
        )
    claimed = FORMATS.get(suffix)
    found = _content(path, head)
    if isinstance(found, str) and claimed is not None and claimed.office:
        raise LoadFailed(f"{filename!r} claims to be {claimed.words} but is {found}", "invalid_file")
    if isinstance(found, str):
        claim = f", not {claimed.words}" if claimed else ""
        raise LoadFailed(f"{filename!r} is {found}{claim}; supported are {_supported()}", "unsupported_file")
    if claimed is None:
        return found or _TEXT
    if claimed is PDF and found is None and b"%PDF-" in head:
        return PDF
    if found is None and (claimed is PDF or claimed.office):
        what = "something else (no header of one)"
        raise LoadFailed(f"{filename!r} claims to be {claimed.words} but is {what}", "invalid_file")
    if found is not None and found is not claimed:
        raise LoadFailed(
            f"{filename!r} claims to be {claimed.words} but is {found.words}; give it the right extension",
            "invalid_file",
        )
    return claimed


def _supported() -> str:
    return "PDF, DOCX, PPTX, XLSX, CSV, JSON, HTML, Markdown, source code and text"


def _content(path: Path, head: bytes) -> Format | str | None:
    """A format known by its first bytes, or the name of what we cannot read, or None: perhaps text."""
    if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"%PDF-"):
        return PDF
    if head.startswith(_ZIP):
        return _zip_content(path)
    return next((words for pattern, words in _SIGNATURES if pattern.match(head)), None)


def _zip_content(path: Path) -> Format | str:
    try:
        with zipfile.ZipFile(path) as package:
            names = set(package.namelist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        return "a damaged zip archive"
    known = next((form for part, form in _PARTS.items() if part in names), None)
    return known or f"a zip archive without {', '.join(_PARTS)}"
