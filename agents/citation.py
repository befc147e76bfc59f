"""A span of a document that supports an answer."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Citation(BaseModel):
    """A span of a document that supports the answer. All places count code points.

    `index` is where the marker stands in the answer; `quote` is the document's parsed text from `start` to `end`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["file_citation"] = "file_citation"
    index: int
    file_id: str
    filename: str
    quote: str
    start: int
    end: int
    chunk_id: int
