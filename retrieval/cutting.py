"""From a text to its chunks, as they are stored."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from retrieval import chunking
from retrieval.catalog import NewChunk
from retrieval.chunk_rows import text_hash

if TYPE_CHECKING:
    from retrieval.chunking import Chunking


def cut(text: str, sizes: Chunking, media_type: str) -> tuple[str, list[NewChunk]]:
    """The text's sha256 and its chunks."""
    from retrieval.tokens import token_spans

    spans = chunking.chunks(text, sizes, token_spans, media_type)
    pieces = [(span, text[span.start : span.end]) for span in spans]
    chunks = [NewChunk(span.start, span.end, piece, text_hash(piece)) for span, piece in pieces]
    return hashlib.sha256(text.encode("utf-8")).hexdigest(), chunks
