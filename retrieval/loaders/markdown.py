"""Markdown, kept as it is: its marks tell a reader and a model as much as they tell a renderer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from retrieval.base import Parsed
from retrieval.blocks import blocks
from retrieval.errors import LoadFailed
from retrieval.loaders.decode import decode

# YAML between two lines of dashes at the very top; its first line must be a key, or it is a rule and prose.
_FRONT_MATTER: Final = re.compile(
    r"\A---[ \t]*\n(?=(?:#.*\n|[ \t]*\n)*+[\w\"'-]+[ \t]*:)(?:.*\n)*?(?:---|\.\.\.)[ \t]*(?:\n|\Z)"
)
_MARKS: Final = re.compile(r"\A#{1,6}\s+|\s+#+\s*\Z|\n\s*(?:=+|-+)\s*\Z")


def load_markdown(path: Path, filename: str, media_type: str) -> Parsed:
    """Return the text without front matter; the title is its first heading."""
    text = _FRONT_MATTER.sub("", decode(path.read_bytes(), filename), count=1).lstrip("\n")
    if not text.strip():
        raise LoadFailed(f"{filename!r} is empty: it holds front matter only", "empty_file")
    return Parsed(text=text, title=title(text), media_type=media_type)


def title(text: str) -> str:
    """Return the first heading without its marks, or the empty string."""
    for block in blocks(text):
        if block.kind == "heading":
            return " ".join(_MARKS.sub("", text[block.start : block.end]).split())
    return ""
