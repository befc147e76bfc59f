"""Plain text, and everything that is read as it stands (source code, logs, settings)."""

from __future__ import annotations

from pathlib import Path

from retrieval.base import Parsed
from retrieval.loaders.decode import decode


def load_text(path: Path, filename: str, media_type: str) -> Parsed:
    return Parsed(text=decode(path.read_bytes(), filename), media_type=media_type)
