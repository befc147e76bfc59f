"""Any file to text, by its format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from retrieval.base import Parsed
from retrieval.errors import LoadFailed
from retrieval.loaders.csv import load_csv
from retrieval.loaders.docx import load_docx
from retrieval.loaders.formats import Loader, identify
from retrieval.loaders.html import load_html
from retrieval.loaders.json import load_json, load_jsonl
from retrieval.loaders.markdown import load_markdown
from retrieval.loaders.pdf import load_pdf
from retrieval.loaders.pptx import load_pptx
from retrieval.loaders.text import load_text
from retrieval.loaders.xlsx import load_xlsx

LOADERS: Final[dict[Loader, Callable[[Path, str, str], Parsed]]] = {
    "text": load_text,
    "markdown": load_markdown,
    "html": load_html,
    "pdf": load_pdf,
    "docx": load_docx,
    "pptx": load_pptx,
    "xlsx": load_xlsx,
    "csv": load_csv,
    "json": load_json,
    "jsonl": load_jsonl,
}

LARGEST_TEXT: Final = 20_000_000
"""Characters. About five million tokens of English, and more than an hour of embedding on one core."""

_DECODED: Final = ("text", "markdown", "csv", "json", "jsonl")
_LARGEST_FILE: Final = 500_000_000


def load(path: Path, filename: str) -> Parsed:
    """Read the file at `path`, named `filename` by whoever sent it. Blocking; raises LoadFailed.

    The text has \\n for newlines and no lone surrogates. Formats marked risky belong in a process of their own:
    `retrieval.loaders.isolated`.
    """
    form = identify(path, filename)
    size = path.stat().st_size
    if size > (4 * LARGEST_TEXT if form.loader in _DECODED else _LARGEST_FILE):
        raise LoadFailed(f"{filename!r} is too large: {size} bytes; split it", "file_too_large")
    parsed = LOADERS[form.loader](path, filename, form.media_type)
    if len(parsed.text) > LARGEST_TEXT:
        raise LoadFailed(
            f"{filename!r} is too large: {len(parsed.text)} characters of text, {LARGEST_TEXT} at most; split it",
            "file_too_large",
        )
    return parsed
